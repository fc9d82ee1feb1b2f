// Microsoft's own JavaScript client with Microsoft's own sign-in library does everyday work on the simulator. Both can be
// told where it is, so no proxy is needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { Client, GraphError, PageIterator } from '@microsoft/microsoft-graph-client';

const { SIMULATOR_URL, CLIENT_ID, CLIENT_SECRET, TENANT_ID } = process.env;
const host = new URL(SIMULATOR_URL).host;
const E3 = '05e9a617-0261-4cee-bb44-138d3ef5d965';

function application(clientSecret) {
  return new ConfidentialClientApplication({
    auth: { clientId: CLIENT_ID, clientSecret, authority: `${SIMULATOR_URL}/${TENANT_ID}`, knownAuthorities: [host] },
  });
}

const app = application(CLIENT_SECRET);
const scopes = ['https://graph.microsoft.com/.default'];
const graph = Client.init({
  baseUrl: SIMULATOR_URL,
  customHosts: new Set([new URL(SIMULATOR_URL).hostname]),
  defaultVersion: 'v1.0',
  authProvider: (done) => app.acquireTokenByClientCredential({ scopes }).then((t) => done(null, t.accessToken), (e) => done(e, null)),
});

const person = (name, more) => ({
  accountEnabled: true, displayName: name, mailNickname: name, userPrincipalName: `${name}@contoso.com`, usageLocation: 'US',
  passwordProfile: { password: 'Secret-1234', forceChangePasswordNextSignIn: true }, ...more,
});

// refused gives the error of a request that must fail with this status.
async function refused(status, request) {
  const error = await request.then(() => assert.fail('it was not refused'), (e) => e);
  assert.ok(error instanceof GraphError, `${error}`);
  assert.equal(error.statusCode, status, `${error.code} ${error.message}`);
  return error;
}

let ann, boss, group;

test('sign in', async () => {
  const token = await app.acquireTokenByClientCredential({ scopes });
  assert.equal(token.tokenType, 'Bearer');
  const error = await application('wrong').acquireTokenByClientCredential({ scopes }).then(() => assert.fail('wrong secret'), (e) => e);
  assert.match(error.message, /AADSTS7000215/);
});

test('create', async () => {
  boss = await graph.api('/users').post(person('js.boss'));
  ann = await graph.api('/users').post(person('js.ann', { givenName: 'Ann', department: 'R&D', businessPhones: ['+1 555 0100'] }));
  assert.match(ann['@odata.context'], /\$metadata#users\/\$entity$/);
  const error = await refused(400, graph.api('/users').post(person('js.ann')));
  assert.equal(error.code, 'Request_BadRequest');
  assert.equal(JSON.parse(error.body).details[0].code, 'ObjectConflict');
  await refused(400, graph.api('/users').post(person('js bad')));
});

test('read and list', async () => {
  const read = await graph.api(`/users/${ann.id}`).select(['id', 'department', 'businessPhones']).get();
  assert.deepEqual([read.department, read.businessPhones], ['R&D', ['+1 555 0100']]);
  const found = await graph.api('/users').filter(encodeURIComponent("department eq 'R&D' and accountEnabled eq true")).select('userPrincipalName').get();
  assert.deepEqual(found.value.map((u) => u.userPrincipalName), ['js.ann@contoso.com']);
  let n = 0;
  const iterator = new PageIterator(graph, await graph.api('/users').top(50).orderby('displayName').get(), () => ++n > 0);
  await iterator.iterate();
  assert.ok(n > 100, `${n}`);
  const count = await graph.api('/users').header('ConsistencyLevel', 'eventual').count(true).filter("endsWith(userPrincipalName,'@contoso.com')").top(1).get();
  assert.equal(count['@odata.count'], n);
  assert.equal((await refused(404, graph.api('/users/nobody@contoso.com').get())).code, 'Request_ResourceNotFound');
});

test('change, and manager', async () => {
  await graph.api(`/users/${ann.id}`).update({ jobTitle: 'Lead', department: null });
  await graph.api(`/users/${ann.id}/manager/$ref`).put({ '@odata.id': `https://graph.microsoft.com/v1.0/users/${boss.id}` });
  const read = await graph.api(`/users/${ann.id}`).select('jobTitle,department').expand('manager($select=id)').get();
  assert.deepEqual([read.jobTitle, read.department, read.manager.id], ['Lead', null, boss.id]);
  assert.equal((await graph.api(`/users/${ann.id}/manager`).get()).id, boss.id);
  await graph.api(`/users/${ann.id}/manager/$ref`).delete();
  await refused(404, graph.api(`/users/${ann.id}/manager`).get());
  assert.equal((await graph.api(`/users/${ann.id}/revokeSignInSessions`).post({})).value, true);
});

test('license', async () => {
  const skus = await graph.api('/subscribedSkus').get();
  assert.ok(skus.value.some((s) => s.skuId === E3));
  await graph.api(`/users/${ann.id}/assignLicense`).post({ addLicenses: [{ skuId: E3, disabledPlans: [] }], removeLicenses: [] });
  const read = await graph.api(`/users/${ann.id}`).select('licenseAssignmentStates').get();
  assert.equal(read.licenseAssignmentStates[0].state, 'Active');
  assert.deepEqual((await graph.api(`/users/${ann.id}/licenseDetails`).get()).value.map((l) => l.skuPartNumber), ['SPE_E3']);
  await graph.api(`/users/${ann.id}/assignLicense`).post({ addLicenses: [], removeLicenses: [E3] });
});

test('group and members', async () => {
  group = await graph.api('/groups').post({ displayName: 'Js Group', mailEnabled: false, mailNickname: 'jsgroup', securityEnabled: true });
  await graph.api(`/groups/${group.id}/members/$ref`).post({ '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${ann.id}` });
  await graph.api(`/groups/${group.id}`).patch({ 'members@odata.bind': [`https://graph.microsoft.com/v1.0/directoryObjects/${boss.id}`] });
  const members = await graph.api(`/groups/${group.id}/members`).select('id').get();
  assert.deepEqual(members.value.map((m) => m.id).sort(), [ann.id, boss.id].sort());
  assert.deepEqual((await graph.api(`/users/${ann.id}/getMemberGroups`).post({ securityEnabledOnly: true })).value, [group.id]);
  await graph.api(`/groups/${group.id}/members/${ann.id}/$ref`).delete();
  await refused(404, graph.api(`/groups/${group.id}/members/${ann.id}/$ref`).delete());
});

test('batch', async () => {
  const { responses } = await graph.api('/$batch').post({ requests: [
    { id: '1', method: 'GET', url: `/users/${ann.id}?$select=id` },
    { id: '2', method: 'PATCH', url: `/users/${boss.id}`, headers: { 'Content-Type': 'application/json' }, body: { jobTitle: 'Head' } },
  ] });
  assert.deepEqual(responses.map((r) => [r.id, r.status]).sort(), [['1', 200], ['2', 204]]);
});

test('recycle bin and restore', async () => {
  await graph.api(`/users/${ann.id}`).delete();
  const bin = await graph.api('/directory/deletedItems/microsoft.graph.user').select('id,userPrincipalName,deletedDateTime').get();
  assert.ok(bin.value.some((u) => u.id === ann.id && u.userPrincipalName.endsWith('js.ann@contoso.com')));
  const restored = await graph.api(`/directory/deletedItems/${ann.id}/restore`).post({});
  assert.equal(restored.userPrincipalName, 'js.ann@contoso.com');
  await graph.api(`/users/${ann.id}`).delete();
  await graph.api(`/directory/deletedItems/${ann.id}`).delete();
  await refused(404, graph.api(`/directory/deletedItems/${ann.id}`).get());
  await graph.api(`/groups/${group.id}`).delete();
});

test('outside of the slice', async () => {
  await refused(501, graph.api('/users/delta').get());
  await refused(400, graph.api('/shoes').get());
});
