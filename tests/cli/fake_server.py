"""fake_server.py - the management API as far as `pawl` uses it, in memory, over
real TLS with client certificates. It judges what the client sends: hashes of
uploads, order of publication, shape of bodies."""
import hashlib
import http.server
import json
import ssl
import threading
import urllib.parse


class FakeServer:
    def __init__(self, cert, key, ca):
        self.files = {}
        self.log = []  # (method, path)
        self.targets = {}
        self.pending = {}  # controllerId -> CSR
        self.certificates = {}
        self.sets = []
        self.rollouts = []
        self.rollout_states = ['running', 'finished']
        self.publish_status = 200
        self.lie = None  # (status, bytes): what every GET is answered with
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(cert, key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), make_handler(self))
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    # --- answers: (status, object) ---

    def head(self, path):
        return (200, None) if path in self.files else (404, None)

    def put(self, path, body):
        if path.startswith('/rest/v1/pawl/repository/'):
            name = path.rsplit('/', 1)[1]
            if '/targets/' in path and hashlib.sha256(body).hexdigest() != name.split('.')[0]:
                return 400, {'message': 'the hash differs'}
            self.files[path] = body
            return 200, {}
        if path.startswith('/rest/v1/pawl/enrolments/'):
            device = path.rsplit('/', 1)[1]
            self.certificates[device] = json.loads(body)['certificate']
            del self.pending[device]
            return 200, {}
        return 404, {'message': 'no such path'}

    def publish(self, body):
        if self.publish_status != 200:
            return self.publish_status, {'message': 'snapshot 9 is older than what is served; restore the repository'}
        base = '/rest/v1/pawl/repository/'
        snapshot = json.loads(self.files[f'{base}metadata/{body["snapshot"]}.snapshot.json'])
        for version in range(1, body['root'] + 1):
            assert f'{base}metadata/{version}.root.json' in self.files
        for name, meta in snapshot['signed']['meta'].items():
            role = json.loads(self.files[f'{base}metadata/{meta["version"]}.{name}'])
            for path, target in role['signed']['targets'].items():
                folder, file = path.rsplit('/', 1)
                assert f'{base}targets/{folder}/{target["hashes"]["sha256"]}.{file}' in self.files
                if path.startswith('fw/'):
                    entry = {'name': target['custom']['product'], 'version': target['custom']['version']}
                    if not any(s['name'] == entry['name'] and s['version'] == entry['version'] for s in self.sets):
                        self.sets.append({'id': len(self.sets) + 1, **entry})
        return 200, {'timestamp': 5, 'distributionSets': self.sets}

    def post(self, path, body):
        if path == '/rest/v1/pawl/publish':
            return self.publish(body)
        if path == '/rest/v1/targets':
            device = body[0]
            if device['controllerId'] in self.targets:
                return 409, {'message': f'device {device["controllerId"]} exists already'}
            self.targets[device['controllerId']] = device
            return 201, body
        if path.endswith('/enrolment'):
            return 200, {'controllerId': path.split('/')[4], 'token': 'secret-token', 'expiresAt': 1}
        if path.endswith('/assignedDS'):
            return 200, {'assigned': 1, 'assignedActions': [{'id': body['id']}]}
        if path == '/rest/v1/rollouts':
            self.rollouts.append({'id': len(self.rollouts) + 1, 'status': 'creating', **body})
            return 201, self.rollouts[-1]
        if path.startswith('/rest/v1/rollouts/'):
            return 200, {}
        return 404, {'message': 'no such path'}

    def page(self, query, items):
        offset, limit = int(query.get('offset', 0)), min(int(query.get('limit', 50)), 3)
        part = items[offset:offset + limit]
        return 200, {'content': part, 'total': len(items), 'size': len(part)}

    def show(self, device):
        return {**self.targets[device], 'updateStatus': 'in_sync',
                'pawl': {'product': self.targets[device]['product'], 'state': 'idle', 'why': 'it runs 1.0.0',
                         'hardwareClass': self.targets[device]['hardwareClass'], 'group': 'field',
                         'version': '1.0.0', 'enrolment': 'issued', 'lastActionId': 4}}

    def get_rollout(self, rollout):
        states = self.rollout_states
        rollout['status'] = 'ready' if rollout['status'] == 'creating' else states.pop(0) if len(states) > 1 \
            else states[0]
        return {**rollout, 'pawl': {'why': 'stage 1 is open', 'strata': [
            {'name': 'gw-a', 'state': rollout['status'], 'stage': 1, 'stages': 3, 'size': 10, 'admitted': 2,
             'inFlight': 1, 'healthy': 1, 'failed': 0, 'why': 'waits for health'}]}}

    def get(self, path, query):
        parts = path.split('/')
        if path == '/rest/v1/targets':
            return self.page(query, [self.show(device) for device in self.targets])
        if path == '/rest/v1/distributionsets':
            return self.page(query, self.sets)
        if path == '/rest/v1/rollouts':
            return self.page(query, self.rollouts)
        if path == '/rest/v1/pawl/enrolments':
            return self.page(query, [{'controllerId': d, 'csr': c} for d, c in self.pending.items()])
        if path == '/rest/v1/pawl/status':
            return 200, {'version': '0.1.0', 'counts': {'targets': len(self.targets)}}
        if path == '/rest/v1/pawl/audit':
            return self.page(query, [{'id': i, 'at': 1000 * i, 'actor': 'operator', 'action': 'publish'}
                                     for i in range(7)])
        if path.startswith('/rest/v1/rollouts/'):
            return 200, self.get_rollout(self.rollouts[int(parts[4]) - 1])
        if parts[3] == 'targets' and parts[4] in self.targets:
            if len(parts) == 5:
                return 200, self.show(parts[4])
            if parts[5] == 'attributes':
                return 200, {'pawl.hw': 'gw-a'}
            return 200, {'content': [{'id': 1, 'type': 'finished', 'messages': ['it is confirmed'],
                                      'reportedAt': 1767225600000}], 'total': 1, 'size': 1}
        return 404, {'message': f'there is no {path}'}


def make_handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *_):
            pass

        def answer(self, status, value):
            body = b'' if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header('Content-Length', str(len(body)))
            self.send_header('Content-Type', 'application/json')
            self.end_headers()
            self.wfile.write(body)

        def body(self):
            return self.rfile.read(int(self.headers.get('Content-Length', 0)))

        def dispatch(self):
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            server.log.append((self.command, self.path))
            if self.command == 'HEAD':
                self.answer(*server.head(url.path))
            elif self.command == 'GET' and server.lie is not None:
                self.answer(*server.lie)
            elif self.command == 'GET':
                self.answer(*server.get(url.path, query))
            elif self.command == 'PUT':
                self.answer(*server.put(url.path, self.body()))
            elif self.command == 'POST':
                self.answer(*server.post(url.path, json.loads(self.body() or b'{}')))
            else:
                self.body()
                self.answer(204, None)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = dispatch

    return Handler
