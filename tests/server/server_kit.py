"""server_kit.py - a running pawl-server and raw clients for it.

Keys and requests are made with the openssl tool and Python's own ssl and
http.client, so that nothing of ours vouches for itself; only publication and
certificates come from `pawl`, as in an installation.
"""
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/support'))
import lab as labs  # noqa: E402

wait_for = labs.wait_for
HARDWARE = 'gw-a'


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Requests on one TLS connection; certificate and key are optional files."""

    def __init__(self, port, ca, cert=None, key=None):
        self.context = ssl.create_default_context(cafile=str(ca))
        if cert:
            self.context.load_cert_chain(str(cert), str(key))
        self.port = port
        self.connection = None

    def __call__(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=self.context, timeout=20)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        self.connection.request(method, path, body=body, headers=headers or {})
        answer = Answer(self.connection.getresponse())
        if answer.headers.get('connection', '').lower() == 'close':
            self.close()
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def raw(self):
        """A bare TLS socket, for requests that no library would send."""
        plain = socket.create_connection(('127.0.0.1', self.port), timeout=20)
        return self.context.wrap_socket(plain, server_hostname='127.0.0.1')


def openssl(*arguments):
    return subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True).stdout


def make_csr(folder, name, common_name):
    key = folder / f'{name}.key'
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key)
    return key, openssl('req', '-new', '-key', key, '-subj', f'/CN={common_name}').decode()


class Kit:
    """An installation with a server and no agents."""

    def __init__(self, folder, build):
        self.lab = labs.Lab(folder, build)
        self.dir = pathlib.Path(folder)
        self.lab.set_up()
        self.lab.add_product()
        self.ca = self.lab.repo / 'ca/ca.pem'

    def anonymous(self, listener='operator'):
        return Client(self.lab.ports[listener], self.ca)

    def operator(self, listener='operator'):
        return Client(self.lab.ports[listener], self.ca, self.lab.repo / 'ca/operator.pem',
                      self.lab.repo / 'keys/operator.pem')

    def device(self, name, listener='device'):
        return Client(self.lab.ports[listener], self.ca, self.dir / f'{name}.crt', self.dir / f'{name}.key')

    def enrol(self, name):
        """Registers a device and carries it through enrolment."""
        operator = self.operator()
        made = operator('POST', '/rest/v1/targets', [{'controllerId': name, 'product': labs.PRODUCT,
                                                      'hardwareClass': HARDWARE, 'group': labs.GROUP}])
        assert made.status == 201, made.body
        token = operator('POST', f'/rest/v1/targets/{name}/enrolment').json['token']
        _, csr = make_csr(self.dir, name, name)
        body = {'controllerId': name, 'token': token, 'csr': csr}
        pending = self.anonymous()('POST', '/pawl/v1/enrol', body)
        assert (pending.status, pending.json['state']) == (202, 'pending')
        self.lab.pawl('device', 'approve', '--all')
        issued = self.anonymous()('POST', '/pawl/v1/enrol', body)
        assert (issued.status, issued.json['state']) == (200, 'issued')
        assert issued.json['ca'].encode() == self.ca.read_bytes()
        (self.dir / f'{name}.crt').write_text(issued.json['certificate'])
        return body

    def release(self, version, seq, content):
        image = self.lab.images / f'{version}.img'
        image.write_bytes(content)
        self.lab.release(version, seq, {HARDWARE: image})
        sets = self.operator()('GET', f'/rest/v1/distributionsets?q=name=={labs.PRODUCT};version=={version}').json
        assert sets['total'] == 1
        return sets['content'][0]['id']

    def close(self):
        self.lab.close()


def base(name):
    return f'/DEFAULT/controller/v1/{name}'


def path_of(href):
    return '/' + href.split('/', 3)[3]


def feedback(execution, finished='none', details=()):
    return {'status': {'execution': execution, 'result': {'finished': finished}, 'details': list(details)}}
