// A server for curl_http_test: node server.mjs http|https|h2 [KEY CERT]. Prints its process and port.
//   POST /dies       the first request of a connection is answered; the second is read whole, and then the
//                    connection dies without a byte of an answer
//   GET /count       how many POSTs came
//   GET /slow        is never answered        GET /large     2 MiB
//   GET /moved       302 to /count            GET /busy      503 with Retry-After: 7
//   GET /cut/N       the first N bytes of a whole answer, then the connection ends; /reset/N: is reset
import {readFileSync} from 'node:fs';
import {createServer as createHttp} from 'node:http';
import {createSecureServer} from 'node:http2';
import {createServer as createHttps} from 'node:https';

const [mode, keyFile, certFile] = process.argv.slice(2);
const requestsOf = new WeakMap();
const whole = 'HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater';
let posts = 0;

function answer(request, response) {
  const connection = mode === 'h2' ? request.stream.session : request.socket;
  if (request.url === '/dies') {
    posts += 1;
    const requests = (requestsOf.get(connection) ?? 0) + 1;
    requestsOf.set(connection, requests);
    request.resume();
    request.on('end', () => {
      if (requests < 2) response.end('ok');
      else connection.destroy();
    });
  } else if (request.url === '/count') {
    response.end(String(posts));
  } else if (request.url === '/large') {
    response.end('x'.repeat(2 * 1024 * 1024));
  } else if (request.url === '/moved') {
    response.writeHead(302, {location: '/count'});
    response.end();
  } else if (request.url === '/busy') {
    response.writeHead(503, {'retry-after': '7'});
    response.end();
  } else if (/^\/(cut|reset)\//.test(request.url)) {
    const [, way, bytes] = request.url.split('/');
    request.socket.write(whole.slice(0, Number(bytes)),
        () => way === 'cut' ? request.socket.end() : request.socket.resetAndDestroy());
  }
}

const keys = keyFile ? {key: readFileSync(keyFile), cert: readFileSync(certFile)} : {};
const server = mode === 'http' ? createHttp(answer)
    : mode === 'https' ? createHttps(keys, answer)
    : createSecureServer({...keys, allowHTTP1: false}, answer);
server.listen(0, '127.0.0.1', () => console.log(process.pid, server.address().port));
