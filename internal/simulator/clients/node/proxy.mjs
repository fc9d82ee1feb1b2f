// A proxy on the loopback interface for clients whose endpoints are fixed: it leads graph.microsoft.com and
// login.microsoftonline.com to the simulator, and refuses every other host, so that nothing leaves this machine.
import http from 'node:http';
import net from 'node:net';

export const hosts = ['graph.microsoft.com', 'login.microsoftonline.com'];

// startProxy gives the proxy's URL, the hosts that it refused, and a way to stop it.
export async function startProxy(simulatorURL) {
  const target = new URL(simulatorURL);
  const refused = [];
  const sockets = new Set();
  const server = http.createServer((request, response) => {
    refused.push(request.url);
    response.writeHead(403).end();
  });
  server.on('connect', (request, socket, head) => {
    const [host, port] = request.url.split(':');
    if (!hosts.includes(host) || port !== '443') {
      refused.push(request.url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const upstream = net.connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const s of [socket, upstream]) {
      sockets.add(s);
      s.on('error', () => { socket.destroy(); upstream.destroy(); });
      s.on('close', () => sockets.delete(s));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const close = () => new Promise((done) => {
    for (const s of sockets) s.destroy();
    server.close(done);
  });
  return { url: `http://127.0.0.1:${server.address().port}`, refused, close };
}
