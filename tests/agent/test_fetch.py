# SPDX-License-Identifier: MIT
"""pawl/fetch.h against a TLS server in this process that may do anything.

Run by meson, or with PAWL_FETCH_CALL=path pytest.
"""
import http.server
import os
import pathlib
import random
import ssl
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from hostile_server import Handler, Server, make_certificate  # noqa: E402

CALL = os.environ.get('PAWL_FETCH_CALL', 'fetch_call')
SPARE = 'sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
DATA = random.Random(5).randbytes(3_000_000)


class Echo(Server):
    """Answers from `rules` alone; remembers method, path, headers and body."""
    daemon_threads = True

    def __init__(self, certificate, key, configure=None):
        http.server.ThreadingHTTPServer.__init__(self, ('127.0.0.1', 0), EchoHandler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        if configure:
            configure(self.context)
        self.context.load_cert_chain(certificate, key)
        self.lock, self.requests, self.rules, self.connections = threading.Lock(), [], [], 0
        self.url = f'https://127.0.0.1:{self.server_address[1]}'
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def finish_request(self, request, client_address):
        self.connections += 1
        super().finish_request(request, client_address)

    def answer(self, handler, body):
        handler.server.seen = (handler.command, dict(handler.headers), body)
        handler.reply(200, b'hello', [('ETag', '"x1"')])


class EchoHandler(Handler):
    do_DELETE = Handler.handle_any
    do_GET = do_PUT = do_POST = do_HEAD = Handler.handle_any


@pytest.fixture(scope='module', name='identity')
def certificate_of_the_server(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp('tls'), 'server')


@pytest.fixture
def server(identity):
    made = Echo(identity[0], identity[1])
    made.ca, made.pin = identity[0], 'sha256//' + identity[2]
    yield made
    made.shutdown()
    made.server_close()


def call(*arguments):
    run = subprocess.run([CALL, *[str(a) for a in arguments]], capture_output=True, timeout=60)
    assert run.returncode == 0 and not run.stderr, run.stderr.decode(errors='replace')
    answers, answer = [], {}
    for line in run.stdout.decode(errors='replace').splitlines():
        key, _, value = line.partition('=')
        answer[key] = value
        if key == 'body':
            answers.append(answer)
            answer = {}
    return answers


def one(server, *arguments, ca=True):
    first = [f'ca={server.ca}'] if ca else []
    return call(*first, f'url={server.url}/x', *arguments, 'go')[-1]


def test_methods_and_bodies(server):
    for method in ('GET', 'HEAD', 'POST', 'PUT', 'DELETE'):
        sends = [] if method in ('GET', 'HEAD', 'DELETE') else ['body={"a":1}']
        answer = one(server, f'method={method}', 'header=X-A: b', *sends)
        assert answer['err'] == 'OK' and answer['status'] == '200' and answer['etag'] == '"x1"'
        assert answer['body'] == ('' if method == 'HEAD' else 'hello')
        seen, headers, body = server.seen
        assert seen == method and headers['X-A'] == 'b' and 'Expect' not in headers
        assert body == (b'{"a":1}' if sends else b'')
        assert (headers.get('Content-Type') == 'application/json') == bool(sends)
    answer = one(server, 'method=POST')
    assert answer['err'] == 'OK' and server.seen[1]['Content-Length'] == '0'


def test_one_session_keeps_its_connection_and_forgets_the_request(server, tmp_path):
    (tmp_path / 'file').write_bytes(DATA)
    answers = call(f'ca={server.ca}', f'url={server.url}/x', 'method=PUT',
                   f'upload={tmp_path}/file', 'go', 'go')
    assert [a['err'] for a in answers] == ['OK', 'OK'] and server.connections == 1
    assert server.seen[2] == DATA


def test_upload_file(server, tmp_path):
    path = tmp_path / 'artifact'
    for content in (b'', b'x', DATA):
        path.write_bytes(content)
        for method in ('PUT', 'POST'):
            answer = one(server, f'method={method}', f'upload={path}')
            assert answer['err'] == 'OK', answer
            assert server.seen[0] == method and server.seen[2] == content
    for wrong, err in ((tmp_path / 'none', 'NOT_FOUND'), (tmp_path, 'IO')):
        answer = one(server, 'method=PUT', f'upload={wrong}')
        assert answer['err'] == err and str(wrong) in answer['note']


def test_the_sink_gets_all_and_stops_it(server):
    server.rules.append(lambda h: h.reply(200, DATA) or True)
    limit = f'body-max={len(DATA)}'
    answer = one(server, limit, 'stop-at=-1')
    assert answer['err'] == 'OK' and int(answer['sunk']) == len(DATA) == int(answer['received'])
    assert answer['size'] == '0' and answer['begin'] == '200'
    answer = one(server, limit, 'stop-at=100000')
    assert answer['err'] == 'NO_SPACE' and answer['status'] == '0'
    assert 100_000 < int(answer['sunk']) < len(DATA)
    answer = one(server, limit, 'stop-at=-1', 'refuse=1')
    assert answer['err'] == 'REFUSED' and answer['sunk'] == '0'


def test_an_error_answer_does_not_reach_the_sink(server):
    server.rules.append(lambda h: h.reply(503, b'later', [('Retry-After', '7')]) or True)
    answer = one(server, 'stop-at=-1')
    assert (answer['err'], answer['status'], answer['retry']) == ('OK', '503', '7')
    assert answer['sunk'] == '0' and answer['body'] == 'later' and 'begin' not in answer


def chunked(handler, pieces, trailer=b''):
    handler.send_response(200)
    handler.send_header('Transfer-Encoding', 'chunked')
    handler.end_headers()
    for piece in pieces:
        handler.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
    handler.wfile.write(b'0\r\n' + trailer + b'\r\n')
    return True


def test_body_max(server):
    announced = len(DATA)
    server.rules.append(lambda h: h.reply(200, DATA[:announced]) or True)
    assert one(server)['err'] == 'LIMIT'  # 1 MiB unless told otherwise
    assert one(server, f'body-max={announced - 1}')['err'] == 'LIMIT'
    assert one(server, f'body-max={announced}')['size'] == str(announced)
    server.rules[:] = [lambda h: chunked(h, [DATA[:9000]] * 20)]
    answer = one(server, 'body-max=100000', 'stop-at=-1')
    assert answer['err'] == 'LIMIT' and int(answer['sunk']) <= 100_000


def test_trailers_change_nothing(server):
    server.rules.append(lambda h: chunked(
        h, [b'abc'], b'HTTP/1.1: 206\r\nETag: "other"\r\nLocation: https://x.invalid/\r\n'))
    answer = one(server)
    assert (answer['err'], answer['status'], answer['body']) == ('OK', '200', 'abc')
    assert answer['etag'] == '' and answer['location'] == '' and answer['received'] == '3'


def test_a_body_that_is_cut_is_no_answer(server):
    def cut(handler):
        handler.send_response(200)
        handler.send_header('Content-Length', '1000')
        handler.end_headers()
        handler.wfile.write(b'x' * 999)
        handler.hang_up()
        return True

    server.rules.append(cut)
    answer = one(server)
    assert answer['err'] == 'NETWORK' and answer['status'] == '0' and answer['body'] == ''


@pytest.mark.parametrize('status,range_,err', [
    (206, 'bytes 5-9/10', 'OK'), (206, 'bytes 5-9/*', 'OK'), (206, 'bytes 4-9/10', 'SYNTAX'),
    (206, None, 'SYNTAX'), (206, 'bytes 5-9/99999999999999999999', 'SYNTAX'),
    (206, 'lines 5-9/10', 'SYNTAX'), (200, None, 'OK')])
def test_ranges(server, status, range_, err):
    headers = [('Content-Range', range_)] if range_ else []
    server.rules.append(lambda h: setattr(server, 'asked', dict(h.headers)) or
                        h.reply(status, b'56789', headers) or True)
    answer = one(server, 'resume=5', 'if-range="x1"', 'stop-at=-1')
    assert answer['err'] == err, answer
    assert server.asked['Range'] == 'bytes=5-' and server.asked['If-Range'] == '"x1"'
    assert answer['sunk'] == ('5' if err == 'OK' else '0')
    if status == 206:  # a range that nobody asked for
        assert one(server, 'stop-at=-1')['err'] == 'SYNTAX'


def test_redirects_are_not_followed(server):
    server.rules.append(lambda h: h.reply(302, b'', [('Location', f'{server.url}/y')]) or True)
    answer = one(server)
    assert (answer['err'], answer['status']) == ('OK', '302')
    assert answer['location'] == f'{server.url}/y' and len(server.requests) == 1


@pytest.mark.parametrize('url', ['http://127.0.0.1:1/', 'file:///etc/hostname', 'ftp://127.0.0.1/'])
def test_only_https(server, url):
    assert call(f'ca={server.ca}', f'url={url}', 'go')[0]['err'] == 'UNSUPPORTED'


def test_pins(server):
    both = f'{SPARE};{server.pin}'
    for extra in ((f'pins={both}',), (f'pins={both}', 'by-pins=1'),
                  (f'pins={both}', f'ca={server.ca}')):
        assert one(server, *extra, ca=False)['err'] == 'OK', extra
    for extra in ((f'pins={SPARE}',), (f'pins={SPARE}', 'by-pins=1'),
                  (f'pins={SPARE}', f'ca={server.ca}')):
        before = len(server.requests)
        answer = one(server, *extra, ca=False)
        assert answer['err'] == 'DENIED' and 'pin' in answer['note'], extra
        assert len(server.requests) == before, 'nothing was said to a stranger'
    assert one(server, ca=False)['err'] == 'REFUSED'
    assert one(server, 'by-pins=1')['err'] == 'REFUSED'


def test_a_foreign_ca(server, tmp_path):
    other = make_certificate(tmp_path, 'other')[0]
    answer = one(server, f'ca={other}', ca=False)
    assert answer['err'] == 'DENIED' and 'CA file' in answer['note']
    # The pin fits, the chain does not: both must.
    assert one(server, f'ca={other}', f'pins={server.pin}', ca=False)['err'] == 'DENIED'
    assert server.requests == []
    assert one(server, f'ca={tmp_path}/none', ca=False)['err'] == 'NOT_FOUND'


def test_the_name_must_fit(server):
    answer = call(f'ca={server.ca}', f'url={server.url.replace("127.0.0.1", "localhost")}/', 'go')[0]
    assert answer['err'] == 'DENIED' and server.requests == []


def test_tls_1_2_is_refused(identity):
    def old(context):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    server = Echo(identity[0], identity[1], old)
    answer = call(f'ca={identity[0]}', f'url={server.url}/', 'go')[0]
    assert answer['err'] == 'NETWORK' and 'TLS 1.3' in answer['note'] and server.requests == []
    server.shutdown()
    server.server_close()


def test_client_certificates(identity, tmp_path):
    cert, key, _ = make_certificate(tmp_path, 'client')

    def asks(context):
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cert)

    server = Echo(identity[0], identity[1], asks)
    base = [f'ca={identity[0]}', f'url={server.url}/']
    assert call(*base, f'cert={cert}', f'key={key}', 'go')[0]['err'] == 'OK'
    answer = call(*base, 'go')[0]
    assert answer['err'] in ('DENIED', 'NETWORK') and len(server.requests) == 1
    assert call(*base, f'cert={cert}', 'go')[0]['err'] == 'REFUSED'
    server.shutdown()
    server.server_close()


def stall(handler):
    handler.send_response(200)
    handler.send_header('Content-Length', '1000')
    handler.end_headers()
    handler.wfile.write(b'x' * 10)
    handler.wfile.flush()
    try:
        handler.connection.recv(1)  # until the client is gone
    except OSError:
        pass
    handler.close_connection = True
    return True


def test_who_is_too_slow_is_left(server):
    server.rules.append(stall)
    assert one(server, 'slow-bytes=1000', 'slow-s=1')['err'] == 'TIMEOUT'
    assert one(server, 'total-ms=300')['err'] == 'TIMEOUT'


def test_what_is_no_http_and_headers_with_line_breaks(server):
    server.rules.append(lambda h: h.wfile.write(b'SSH-2.0-x\r\n\r\n') and (h.hang_up() or True))
    assert one(server)['err'] in ('SYNTAX', 'NETWORK', 'UNSUPPORTED')
    before = len(server.requests)
    assert one(server, 'header=X-A: b\r\nX-C: d')['err'] == 'LIMIT'
    assert len(server.requests) == before
