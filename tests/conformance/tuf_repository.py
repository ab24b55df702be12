# SPDX-License-Identifier: MIT
"""A TUF repository made by hand, so that a test can put anything into it, and a
web server that can behave as badly as a test wants."""
import ctypes
import ctypes.util
import datetime
import hashlib
import http.server
import json
import ssl
import threading
import time

LIBCRYPTO = ctypes.CDLL(ctypes.util.find_library('crypto'))
ED25519 = 1087  # NID_ED25519
for function, result in (('EVP_PKEY_new_raw_private_key', ctypes.c_void_p), ('EVP_MD_CTX_new', ctypes.c_void_p)):
    getattr(LIBCRYPTO, function).restype = result


def canonical_text(value):
    if isinstance(value, dict):
        return '{' + ','.join(f'{canonical_text(key)}:{canonical_text(value[key])}' for key in sorted(value)) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(canonical_text, value)) + ']'
    if isinstance(value, str):
        return '"' + value.replace('\\', '\\\\').replace('"', '\\"') + '"'
    return json.dumps(value)


def canonical(value):
    """OLPC canonical JSON: nothing is escaped but quote and backslash."""
    return canonical_text(value).encode()


def moment(seconds=86400):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime('%Y-%m-%dT%H:%M:%SZ')


class Key:
    """An Ed25519 key. In one process: a thousand signatures take no time."""

    def __init__(self, seed):
        raw = hashlib.sha256(seed.encode()).digest()
        self.handle = ctypes.c_void_p(LIBCRYPTO.EVP_PKEY_new_raw_private_key(ED25519, None, raw, ctypes.c_size_t(32)))
        assert self.handle.value
        public = ctypes.create_string_buffer(32)
        size = ctypes.c_size_t(32)
        assert LIBCRYPTO.EVP_PKEY_get_raw_public_key(self.handle, public, ctypes.byref(size)) == 1
        self.public = {'keytype': 'ed25519', 'scheme': 'ed25519', 'keyval': {'public': public.raw.hex()}}
        self.id = hashlib.sha256(canonical(self.public)).hexdigest()

    def sign(self, message):
        context = ctypes.c_void_p(LIBCRYPTO.EVP_MD_CTX_new())
        signature = ctypes.create_string_buffer(64)
        size = ctypes.c_size_t(64)
        assert LIBCRYPTO.EVP_DigestSignInit(context, None, None, None, self.handle) == 1
        assert LIBCRYPTO.EVP_DigestSign(context, signature, ctypes.byref(size), message,
                                        ctypes.c_size_t(len(message))) == 1
        LIBCRYPTO.EVP_MD_CTX_free(context)
        return signature.raw.hex()


class Repository:
    """One key for each role, threshold 1. `files` is what is served below /metadata/,
    `targets` what is served below /targets/, both by name."""

    def __init__(self):
        self.keys = {role: Key(role) for role in ('root', 'timestamp', 'snapshot', 'targets', 'delegated')}
        self.files = {}
        self.targets = {}
        self.signed_targets = {}
        self.delegations = []
        self.root = self.put_root()
        self.publish()

    def signed(self, role, body, times=1):
        entry = {'keyid': self.keys[role].id, 'sig': self.keys[role].sign(canonical(body))}
        return json.dumps({'signatures': [entry] * times, 'signed': body}).encode()

    @staticmethod
    def base(kind, version=1):
        return {'_type': kind, 'spec_version': '1.0.31', 'version': version, 'expires': moment()}

    def root_body(self, version=1):
        roles = ('root', 'timestamp', 'snapshot', 'targets')
        return {**self.base('root', version), 'consistent_snapshot': True,
                'keys': {self.keys[role].id: self.keys[role].public for role in roles},
                'roles': {role: {'keyids': [self.keys[role].id], 'threshold': 1} for role in roles}}

    def put_root(self, version=1):
        self.files[f'{version}.root.json'] = self.signed('root', self.root_body(version))
        return self.files[f'{version}.root.json']

    def add_target(self, path, content, name=None):
        digest = hashlib.sha256(content).hexdigest()
        self.signed_targets[path] = {'length': len(content), 'hashes': {'sha256': digest}}
        folder, slash, last = path.rpartition('/')
        self.targets[name or f'{folder}{slash}{digest}.{last}'] = content

    def publish(self, **snapshot_members):
        """Signs everything below the root again, as version 1."""
        targets = {**self.base('targets'), 'targets': self.signed_targets}
        meta = {'targets.json': {'version': 1}}
        if self.delegations:
            key = self.keys['delegated']
            targets['delegations'] = {
                'keys': {key.id: key.public},
                'roles': [{'name': name, 'keyids': [key.id], 'threshold': 1, 'terminating': False, 'paths': ['*']}
                          for name in self.delegations]}
            for name in self.delegations:
                meta[f'{name}.json'] = {'version': 1}
        self.files['1.targets.json'] = self.signed('targets', targets)
        self.files['1.snapshot.json'] = self.signed('snapshot', {**self.base('snapshot'), 'meta': meta,
                                                                 **snapshot_members})
        self.files['timestamp.json'] = self.signed('timestamp', {
            **self.base('timestamp'), 'meta': {'snapshot.json': {'version': 1}}})


class WebServer:
    """Serves /metadata/ and /targets/ from the two dictionaries. A value that can be
    called gets the request handler and answers itself. `tls`: certificate and key file."""

    def __init__(self, metadata, targets, tls=None):
        self.folders = {'metadata': metadata, 'targets': targets}
        self.requests = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                folder, _, name = self.path.lstrip('/').partition('/')
                # Clients resolve "..": such a path may arrive without its folder.
                content = server.folders.get(folder, server.folders['targets']).get(name)
                if content is None:
                    self.send_error(404)
                elif callable(content):
                    try:
                        content(self)
                    except OSError:
                        pass  # the client had enough
                else:
                    start(self, len(content))
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.http.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f'{"https" if tls else "http"}://127.0.0.1:{self.http.server_address[1]}'
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def start(handler, length=None):
    handler.send_response(200)
    if length is not None:
        handler.send_header('Content-Length', str(length))
    handler.end_headers()


def dripping(content):
    """One byte a second."""
    def answer(handler):
        start(handler, len(content))
        for byte in content:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(1)
    return answer


def endless(handler):
    start(handler)
    while True:
        handler.wfile.write(b'[' * 65536)


def redirect(handler):
    handler.send_response(302)
    handler.send_header('Location', '/metadata/elsewhere.json')
    handler.end_headers()
