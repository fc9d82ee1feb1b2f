// The CLI for Microsoft 365 does an administrator's everyday work on the simulator. Its endpoints are fixed, so it comes
// through the proxy. It signs in as one process a command, as a person uses it, and does the rest in this process by the interface
// that it has for scripts: to start it takes longer than the work.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProxy } from './proxy.mjs';

const { SIMULATOR_URL, NODE_EXTRA_CA_CERTS, CLIENT_ID, CLIENT_SECRET, TENANT_ID } = process.env;
const program = fileURLToPath(import.meta.resolve('@pnp/cli-microsoft365/dist/index.js'));
let home, proxy, executeCommand;

before(async () => {
  home = await fs.mkdtemp(path.join(os.tmpdir(), 'm365-'));
  // No telemetry: the proxy is not asked for it.
  await fs.mkdir(path.join(home, '.config', 'configstore'), { recursive: true });
  await fs.writeFile(path.join(home, '.config', 'configstore', 'cli-m365-config.json'),
    JSON.stringify({ disableTelemetry: true, autoOpenLinksInBrowser: false, copyDeviceCodeToClipboard: false, prompt: false, showSpinner: false }));
  proxy = await startProxy(SIMULATOR_URL);
  Object.assign(process.env, { HOME: home, HTTPS_PROXY: proxy.url, CI: 'true', NO_UPDATE_NOTIFIER: '1' });
  delete process.env.XDG_CONFIG_HOME;
  ({ executeCommand } = await import('@pnp/cli-microsoft365'));
});

after(async () => {
  await proxy.close();
  await fs.rm(home, { recursive: true });
  assert.deepEqual(proxy.refused, [], 'the CLI asked for other hosts');
});

// start runs the program with these arguments.
function start(...args) {
  const env = { PATH: process.env.PATH, HOME: home, HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS, CI: 'true', NO_UPDATE_NOTIFIER: '1' };
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args, '--output', 'json'], { env, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      done({ status: error ? error.code : 0, said: stderr + stdout }));
  });
}

// m365 runs a command that must work, with options in place of arguments, and gives what it printed.
async function m365(command, options) {
  const { stdout } = await executeCommand(command, { ...options, output: 'json' });
  return stdout.trim() ? JSON.parse(stdout) : undefined;
}

// refused runs a command that must not work, and gives what it said.
async function refused(command, options) {
  const error = await m365(command, options).then(() => assert.fail(`${command} worked`), (e) => e);
  return String(error.error?.message ?? error.message ?? error) + (error.stderr ?? '');
}

const E3 = '05e9a617-0261-4cee-bb44-138d3ef5d965';
const domain = 'contoso.com';
const people = {};
let group;

test('sign in', async () => {
  const login = ['login', '--authType', 'secret', '--appId', CLIENT_ID, '--tenant', TENANT_ID, '--secret'];
  const wrong = await start(...login, 'wrong');
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.said, /7000215|invalid_client/i);
  const right = await start(...login, CLIENT_SECRET);
  assert.equal(right.status, 0, right.said);
  const list = await start('entra', 'license', 'list');
  assert.match(list.said, /SPE_E3/);
  assert.equal((await m365('status')).appTenant, TENANT_ID);
});

test('create, with a manager', async () => {
  people.boss = await m365('entra user add', { displayName: 'Cli Boss', userName: `cli.boss@${domain}`, usageLocation: 'US' });
  people.ann = await m365('entra user add', { displayName: "Ann O'Cli", userName: `cli.ann@${domain}`, usageLocation: 'US', firstName: 'Ann', department: 'Sales', managerUserId: people.boss.id });
  const twice = await refused('entra user add', { displayName: 'Ann', userName: `cli.ann@${domain}` });
  assert.match(twice, /Another object with the same value for property userPrincipalName already exists/);
});

test('read and list', async () => {
  const ann = await m365('entra user get', { userName: `cli.ann@${domain}`, properties: 'id,displayName,department', withManager: true });
  assert.equal(ann.displayName, "Ann O'Cli");
  assert.equal(ann.department, 'Sales');
  assert.equal(ann.manager.id, people.boss.id);
  const list = await m365('entra user list', { properties: 'id,userPrincipalName' });
  assert.ok(list.some((u) => u.userPrincipalName === `cli.boss@${domain}`));
  assert.ok(list.length > 100, 'more than one page');
  const sales = await m365('entra user list', { department: 'Sales', properties: 'displayName' });
  assert.deepEqual(sales.map((u) => u.displayName), ["Ann O'Cli"]);
  assert.match(await refused('entra user get', { id: '99999999-0000-4000-8000-000000000000' }), /does not exist/);
});

test('change', async () => {
  await m365('entra user set', { id: people.ann.id, department: 'Marketing', jobTitle: 'Lead', removeManager: true });
  const ann = await m365('entra user get', { id: people.ann.id, properties: 'department,jobTitle', withManager: true });
  assert.equal(ann.department, 'Marketing');
  assert.equal(ann.jobTitle, 'Lead');
  assert.equal(ann.manager, undefined);
  await m365('entra user session revoke', { userId: people.ann.id, force: true });
});

test('license', async () => {
  const skus = await m365('entra license list');
  assert.ok(skus.some((s) => s.skuId === E3 && s.skuPartNumber === 'SPE_E3'));
  await m365('entra user license add', { userId: people.ann.id, ids: E3 });
  // "user license list" wants a person to be signed in.
  const held = await m365('entra user get', { id: people.ann.id, properties: 'assignedLicenses' });
  assert.deepEqual(held.assignedLicenses.map((l) => l.skuId), [E3]);
  await m365('entra user license remove', { userId: people.ann.id, ids: E3, force: true });
  assert.match(await refused('entra user license remove', { userId: people.ann.id, ids: E3, force: true }), /corresponding license/);
});

test('group and members', async () => {
  group = await m365('entra group add', { displayName: 'Cli Group', type: 'security', description: 'Of the CLI', ownerIds: people.boss.id, memberIds: people.ann.id });
  assert.equal((await m365('entra group get', { displayName: 'Cli Group' })).id, group.id);
  assert.ok((await m365('entra group list')).some((g) => g.id === group.id));
  await m365('entra group member add', { groupId: group.id, userNames: `cli.boss@${domain}`, role: 'Member' });
  const members = await m365('entra group member list', { groupId: group.id, role: 'Member' });
  assert.equal(members.length, 2);
  assert.match(await refused('entra group member add', { groupId: group.id, userIds: people.boss.id, role: 'Member' }),
    /One or more added object references already exist/);
  assert.deepEqual(await m365('entra user groupmembership list', { userId: people.ann.id }), [{ groupId: group.id }]);
  await m365('entra group member remove', { groupId: group.id, userIds: people.boss.id, role: 'Member', force: true });
  await m365('entra group member set', { groupId: group.id, userIds: people.ann.id, role: 'Owner' });
  assert.equal((await m365('entra group member list', { groupId: group.id, role: 'Owner' })).length, 2);
  await m365('entra group set', { id: group.id, description: 'Changed', memberIds: people.boss.id });
  const after = await m365('entra group member list', { groupId: group.id, role: 'Member' });
  assert.deepEqual(after.map((m) => m.id), [people.boss.id]);
  assert.equal((await m365('entra group get', { id: group.id })).description, 'Changed');
});

test('Microsoft 365 group, deleted and restored', async () => {
  const team = await m365('entra m365group add', { displayName: 'Cli Team', description: 'A team', mailNickname: 'cliteam', owners: `cli.boss@${domain}`, members: `cli.ann@${domain}` });
  assert.equal(team.mail, `cliteam@${domain}`);
  const users = await m365('entra m365group user list', { groupId: team.id });
  assert.deepEqual(users.map((u) => u.roles.join()).sort(), ['Member', 'Owner']);
  await m365('entra group remove', { id: team.id, force: true });
  const bin = await m365('entra m365group recyclebinitem list');
  assert.deepEqual(bin.map((g) => g.id), [team.id]);
  await m365('entra m365group recyclebinitem restore', { mailNickname: 'cliteam' });
  assert.equal((await m365('entra group get', { id: team.id })).displayName, 'Cli Team');
});

test('recycle bin and restore', async () => {
  await m365('entra user remove', { id: people.ann.id, force: true });
  await refused('entra user get', { id: people.ann.id });
  const bin = await m365('entra user recyclebinitem list');
  const ann = bin.find((u) => u.id === people.ann.id);
  assert.equal(ann.userPrincipalName, people.ann.id.replaceAll('-', '') + `cli.ann@${domain}`);
  await m365('entra user recyclebinitem restore', { id: people.ann.id });
  assert.equal((await m365('entra user get', { id: people.ann.id })).userPrincipalName, `cli.ann@${domain}`);
  await m365('entra user remove', { id: people.ann.id, force: true });
  await m365('entra user recyclebinitem remove', { id: people.ann.id, force: true });
  await m365('entra group remove', { id: group.id, force: true });
});

test('outside of the slice', async () => {
  assert.match(await refused('entra user signin list'), /this simulator of it has not/);
});
