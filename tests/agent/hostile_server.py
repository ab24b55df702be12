# SPDX-License-Identifier: MIT
"""A device listener that speaks DDI and can be told to misbehave in any way."""
import base64
import hashlib
import http.server
import json
import socket
import ssl
import subprocess
import threading


def make_certificate(folder, name):
    """A self-signed server certificate; returns (certificate, key, base64 pin)."""
    cert, key = folder / f'{name}.crt', folder / f'{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', f'/CN={name}',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
                   check=True, capture_output=True)
    public = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'],
                            check=True, capture_output=True).stdout
    return cert, key, base64.b64encode(hashlib.sha256(public).digest()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def json(self, status, value):
        self.reply(status, json.dumps(value).encode(), [('Content-Type', 'application/json')])

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def read_body(self):
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def handle_any(self):
        server = self.server
        body = self.read_body()
        with server.lock:
            server.requests.append((self.command, self.path, body))
        try:
            for rule in list(server.rules):
                if rule(self):
                    return
            server.answer(self, body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, repository, certificate, key, device='dev1'):
        super().__init__(('127.0.0.1', 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate, key)
        self.context = context
        self.repository, self.device = repository, device
        self.lock = threading.Lock()
        self.requests, self.rules = [], []
        self.action, self.cancel, self.window = None, None, True
        self.artifact = None  # (version, hw)
        self.feedback, self.attributes = [], {}
        self.enrol = []       # scripted answers: (status, value)
        self.url = f'https://127.0.0.1:{self.server_address[1]}'
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def finish_request(self, request, client_address):
        # The handshake in the thread of the connection: a client that does
        # not come through with it must not stop the others.
        try:
            request.settimeout(30)
            wrapped = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        super().finish_request(wrapped, client_address)

    def handle_error(self, request, client_address):
        pass

    def base(self):
        return f'/DEFAULT/controller/v1/{self.device}'

    def offer(self, action, version, hw='gw-a'):
        with self.lock:
            self.action, self.artifact = action, (version, hw)

    def answer(self, handler, body):
        path = handler.path.split('?')[0]
        if path == self.base():
            links = {'pawlMetadata': {'href': f'{self.url}/pawl/v1/repository/metadata/'},
                     'pawlTargets': {'href': f'{self.url}/pawl/v1/repository/targets/'}}
            if self.cancel:
                links['cancelAction'] = {'href': f'{self.url}{path}/cancelAction/{self.cancel}'}
            elif self.action:
                links['deploymentBase'] = {
                    'href': f'{self.url}{path}/deploymentBase/{self.action}?c=-17'}
            handler.json(200, {'config': {'polling': {'sleep': '00:00:01'}}, '_links': links})
        elif path.endswith('/configData'):
            self.attributes.update(json.loads(body)['data'])
            handler.json(200, {})
        elif path.endswith('/feedback'):
            self.take_feedback(handler, path, json.loads(body))
        elif '/deploymentBase/' in path and self.action:
            handler.json(200, self.deployment(path))
        elif path.startswith('/pawl/v1/repository/metadata/'):
            name = path.rsplit('/', 1)[1]
            data = self.repository.files.get(name)
            handler.reply(200 if data is not None else 404, data or b'')
        elif path.startswith('/pawl/v1/repository/targets/'):
            self.send_target(handler, path.split('/targets/', 1)[1])
        elif path == '/pawl/v1/enrol' and self.enrol:
            status, value = self.enrol.pop(0) if len(self.enrol) > 1 else self.enrol[0]
            handler.json(status, value(json.loads(body)) if callable(value) else value)
        else:
            handler.json(404, {'message': 'no such thing'})

    def deployment(self, path):
        version, hw = self.artifact
        update = 'forced' if self.window else 'skip'
        return {'id': path.rsplit('/', 1)[1], 'deployment': {
            'download': 'forced', 'update': update, 'chunks': [{
                'part': 'os', 'version': version, 'name': f'acme-{hw}', 'artifacts': [{
                    'filename': f'{version}.{hw}.img', 'size': 1,
                    'hashes': {'sha1': '0' * 40, 'md5': '0' * 32, 'sha256': '0' * 64},
                    '_links': {'download': {'href': 'https://elsewhere.invalid/x'}}}]}]}}

    def take_feedback(self, handler, path, value):
        with self.lock:
            kind = 'cancel' if '/cancelAction/' in path else 'deployment'
            action = path.split('/')[-2]
            self.feedback.append((kind, action, value['status']))
            if value['status']['execution'] == 'closed':
                if kind == 'deployment' and action == self.action:
                    self.action = None
                if kind == 'cancel' and action == self.cancel:
                    self.cancel = self.action = None
        handler.json(200, {})

    def send_target(self, handler, path):
        data = self.repository.targets.get(path)
        if data is None:
            handler.reply(404, b'')
            return
        wanted = handler.headers.get('Range')
        if wanted:
            start = int(wanted.split('=')[1].split('-')[0])
            handler.reply(206, data[start:], [
                ('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')])
        else:
            handler.reply(200, data)

    # --- what a test looks at ---

    def ends(self, kind='deployment'):
        with self.lock:
            return [(action, status) for k, action, status in self.feedback
                    if k == kind and status['execution'] == 'closed']

    def reasons(self):
        with self.lock:
            return [d.split('=')[1] for _, _, status in self.feedback
                    for d in status.get('details', []) if d.startswith('reason=')]


def is_image(handler):
    return handler.command == 'GET' and '/targets/fw/' in handler.path
