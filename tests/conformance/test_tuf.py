# SPDX-License-Identifier: MIT
"""pawl-tuf against a repository that `pawl` made, and against repositories and
servers that mean harm. Whatever happens, the exit code is 0 or 1."""
import fcntl
import hashlib
import json
import os
import pathlib
import resource
import subprocess

import pytest
from tuf_repository import Key, Repository, WebServer, canonical, dripping, endless, moment, redirect, start

PAWL, PAWL_TUF = os.environ['PAWL'], os.environ['PAWL_TUF']
TOP = ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json']


class Client:
    def __init__(self, folder, url):
        self.metadata, self.targets, self.url = folder / 'metadata', folder / 'targets', url

    def run(self, *arguments, code):
        result = subprocess.run([PAWL_TUF, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=120, check=False)
        assert result.returncode == code, f'{arguments}: exit {result.returncode}\n{result.stdout}{result.stderr}'
        assert (result.stderr == '') == (code == 0), result.stderr
        return result

    def init(self, root, code=0):
        file = self.metadata.parent / 'initial.json'
        file.write_bytes(root)
        return self.run('--metadata-dir', self.metadata, 'init', file, code=code)

    def refresh(self, *more, code=0):
        return self.run('--metadata-url', f'{self.url}/metadata/', '--metadata-dir', self.metadata, *more, 'refresh',
                        code=code)

    def download(self, *names, more=(), code=0):
        named = [word for name in names for word in ('--target-name', name)]
        return self.run('--metadata-url', f'{self.url}/metadata/', '--metadata-dir', self.metadata, *named,
                        '--target-dir', self.targets, '--target-base-url', f'{self.url}/targets/', *more, 'download',
                        code=code)

    def stored(self):
        return sorted(path.name for path in self.metadata.glob('*.json'))

    def files(self):
        """Everything in the target folder, hidden files too."""
        return {path.name: path.read_bytes() for path in self.targets.iterdir()} if self.targets.exists() else {}

    def version(self, role):
        return json.loads((self.metadata / f'{role}.json').read_text())['signed']['version']


@pytest.fixture(name='repository')
def a_repository():
    return Repository()


@pytest.fixture(name='server')
def a_server(repository):
    server = WebServer(repository.files, repository.targets)
    yield server
    server.close()


@pytest.fixture(name='client')
def a_client(server, tmp_path):
    return Client(tmp_path, server.url)


@pytest.fixture(name='trusting')
def a_client_with_root(client, repository):
    client.init(repository.root)
    return client


# --- what `pawl` makes ---

def pawl(*arguments):
    subprocess.run([PAWL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)


def timestamp_of(repo, key_file, public_file):
    """The server's part: a timestamp for the newest snapshot."""
    snapshot = max((repo / 'metadata').glob('*.snapshot.json'), key=lambda path: int(path.name.split('.')[0]))
    content = snapshot.read_bytes()
    body = {'_type': 'timestamp', 'spec_version': '1.0.31', 'version': 1, 'expires': moment(), 'x-issued': moment(0),
            'meta': {'snapshot.json': {'version': int(snapshot.name.split('.')[0]), 'length': len(content),
                                       'hashes': {'sha256': hashlib.sha256(content).hexdigest()}}}}
    message = repo / 'message'
    message.write_bytes(canonical(body))
    signature = subprocess.run(['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', key_file, '-in', message],
                               capture_output=True, check=True).stdout
    keyid = hashlib.sha256(canonical(json.loads(public_file.read_text()))).hexdigest()
    return json.dumps({'signatures': [{'keyid': keyid, 'sig': signature.hex()}], 'signed': body}).encode()


def test_a_repository_made_by_pawl(tmp_path):
    signer, repo, image = tmp_path / 'signer', tmp_path / 'repo', tmp_path / 'a.img'
    image.write_bytes(os.urandom(300000))
    pawl('key', 'create', 'timestamp', '-C', signer)
    pawl('-C', repo, 'repo', 'init', '--timestamp-key', signer / 'pub/timestamp.json')
    pawl('-C', repo, 'product', 'add', 'acme', '--group', 'field')
    pawl('-C', repo, 'release', 'build', '--product', 'acme', '--version', '1.0.0', '--seq', 1, '--sec', 1,
         '--image', f'gw-a={image}')
    pawl('-C', repo, 'repo', 'sign', '--all')
    metadata = {path.name: path.read_bytes() for path in (repo / 'metadata').iterdir() if path.suffix == '.json'}
    metadata['timestamp.json'] = timestamp_of(repo, signer / 'keys/timestamp.pem', signer / 'pub/timestamp.json')
    targets = {str(path.relative_to(repo / 'targets')): path.read_bytes()
               for path in (repo / 'targets').rglob('*') if path.is_file()}
    server = WebServer(metadata, targets)
    try:
        client = Client(tmp_path, server.url)
        client.init(metadata['1.root.json'])
        client.refresh()
        assert client.stored() == TOP
        client.download('fw/acme/1.0.0.gw-a.img')
        assert client.files() == {'fw%2Facme%2F1.0.0.gw-a.img': image.read_bytes()}
        assert client.stored() == sorted(TOP + ['prod-acme.json'])
        assert (client.metadata / 'timestamp.json').read_bytes() == metadata['timestamp.json']
    finally:
        server.close()


# --- the ordinary ---

def test_requests_of_a_refresh(trusting, server):
    trusting.refresh()
    assert server.requests == [f'/metadata/{name}' for name in (
        '2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json')]


def test_init_checks_the_root_and_keeps_the_first(trusting, repository, tmp_path):
    assert 'exist' in trusting.init(repository.signed('root', repository.root_body(7)), code=1).stderr
    assert trusting.version('root') == 1
    other = Client(tmp_path / 'other', trusting.url)
    other.metadata.parent.mkdir()
    other.init(repository.root.replace(b'"version": 1', b'"version": 2'), code=1)
    other.init(b'', code=1)
    assert other.stored() == []


def test_usage_errors_exit_1(trusting):
    trusting.run(code=1)
    trusting.run('refresh', code=1)
    trusting.run('--metadata-dir', trusting.metadata, 'refresh', code=1)
    trusting.run('--metadata-dir', trusting.metadata, 'init', code=1)
    trusting.refresh('--bogus', code=1)
    trusting.refresh('--timeout', '0', code=1)
    trusting.download(code=1)


def test_a_present_target_is_not_fetched_again(trusting, repository, server):
    repository.add_target('a/b.bin', b'one')
    repository.publish()
    trusting.download('a/b.bin', 'a/b.bin')
    trusting.download('a/b.bin')
    assert len([path for path in server.requests if path.startswith('/targets/')]) == 1
    (trusting.targets / 'a%2Fb.bin').write_bytes(b'two')
    assert json.loads(trusting.download('a/b.bin', more=['--json']).stdout) == [
        {'target': 'a/b.bin', 'path': str(trusting.targets / 'a%2Fb.bin'), 'fetched': True}]
    assert trusting.files() == {'a%2Fb.bin': b'one'}


def test_the_first_failing_target_ends_the_run(trusting, repository):
    repository.add_target('a', b'a')
    repository.add_target('c', b'c')
    repository.publish()
    trusting.download('a', 'b', 'c', code=1)
    assert trusting.files() == {'a': b'a'}


def test_a_repository_without_consistent_snapshots(client, repository):
    root = {**repository.root_body(), 'consistent_snapshot': False}
    repository.add_target('a/b', b'content', name='a/b')
    repository.publish()
    for role in ('snapshot', 'targets'):
        repository.files[f'{role}.json'] = repository.files.pop(f'1.{role}.json')
    client.init(repository.signed('root', root))
    client.download('a/b')
    assert client.files() == {'a%2Fb': b'content'}


def test_no_room_for_a_target(trusting, repository):
    repository.add_target('large', b'x' * 500000)
    repository.publish()
    result = subprocess.run(
        [PAWL_TUF, '--metadata-url', f'{trusting.url}/metadata/', '--metadata-dir', trusting.metadata,
         '--target-name', 'large', '--target-dir', trusting.targets, '--target-base-url', f'{trusting.url}/targets/',
         'download'], capture_output=True, timeout=120, check=False, restore_signals=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    assert result.returncode == 1, result.stderr
    assert trusting.files() == {}
    trusting.download('large')


def test_one_process_at_a_time(trusting):
    with open(trusting.metadata / '.lock', 'wb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trusting.refresh(code=1)
    trusting.refresh()


def test_https_servers_are_checked(trusting, repository, tmp_path):
    certificate, key = tmp_path / 'tls.pem', tmp_path / 'tls.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-out', certificate, '-subj', '/CN=127.0.0.1', '-addext',
                    'subjectAltName=IP:127.0.0.1'], check=True, capture_output=True)
    server = WebServer(repository.files, repository.targets, tls=(certificate, key))
    try:
        trusting.url = server.url
        assert 'certificate' in trusting.refresh(code=1).stderr
        assert server.requests == []
        trusting.refresh('--ca-file', certificate)
    finally:
        server.close()
    trusting.url = 'ftp://127.0.0.1:1'
    assert 'spoken' in trusting.refresh(code=1).stderr


# --- names that want out ---

@pytest.mark.parametrize('path', ['../../escape', '/etc/escape', '..', '.', 'a/../../b', '.hidden', 'a\\..\\b',
                                  'x' * 300, 'a\nb', '%2e%2e%2fescape', '-o'])
def test_no_target_leaves_its_folder(trusting, repository, path, tmp_path):
    before = sorted(tmp_path.rglob('*'))
    repository.add_target(path, b'content')
    # Whatever address the client asks for: it gets the content.
    repository.targets = AnyName(b'content')
    repository.publish()
    server = WebServer(repository.files, repository.targets)
    try:
        trusting.url = server.url
        trusting.download(path)
    finally:
        server.close()
    assert list(trusting.files().values()) == [b'content']
    (name,) = trusting.files()
    assert '/' not in name and not name.startswith('.')
    outside = [file for file in sorted(tmp_path.rglob('*'))
               if file not in before and trusting.targets not in [file, *file.parents]]
    assert {file.parent for file in outside} <= {trusting.metadata}


class AnyName(dict):
    def __init__(self, content):
        super().__init__()
        self.content = content

    def get(self, key, default=None):
        return self.content


@pytest.mark.parametrize('role', ['../escape', '..', '.', '/abs', 'a%2fb', '?', '#', ' '])
def test_no_role_leaves_its_folder(trusting, repository, role, tmp_path):
    before = set(tmp_path.rglob('*'))
    repository.delegations = [role]
    repository.publish()
    body = {**repository.base('targets'), 'targets': {}}
    quoted = ''.join(c if c.isalnum() or c in '-._~' else f'%{ord(c):02X}' for c in role)
    repository.files[f'1.{quoted}.json'] = repository.signed('delegated', body)
    trusting.download('nothing', code=1)
    assert trusting.stored() == sorted(TOP + [f'{quoted}.json'])
    assert {file.parent for file in set(tmp_path.rglob('*')) - before} <= {trusting.metadata}


# --- servers that mean harm ---

def test_a_server_of_one_byte_a_second(trusting, repository):
    good = repository.files['timestamp.json']
    repository.files['timestamp.json'] = dripping(good)
    assert 'timeout' in trusting.refresh('--timeout', 2, code=1).stderr.lower().replace('timed out', 'timeout')
    repository.files['timestamp.json'] = good
    repository.add_target('slow', b'x' * 100)
    (name,) = repository.targets
    repository.targets[name] = dripping(b'x' * 100)
    repository.publish()
    trusting.download('slow', more=['--timeout', 2], code=1)
    assert trusting.files() == {}


@pytest.mark.parametrize('name', ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'])
def test_endless_metadata(trusting, repository, name):
    repository.files[name] = endless
    trusting.refresh(code=1)


def test_endless_target(trusting, repository):
    repository.add_target('big', b'x' * 1000)
    (name,) = repository.targets
    repository.targets[name] = endless
    repository.publish()
    trusting.download('big', code=1)
    assert trusting.files() == {}


@pytest.mark.parametrize('served', [b'', b'x' * 999, b'y' * 1000, b'x' * 1001])
def test_a_target_that_is_another(trusting, repository, served):
    repository.add_target('t', b'x' * 1000)
    (name,) = repository.targets
    repository.publish()
    trusting.download('t')
    (trusting.targets / 't').write_bytes(b'of the user')
    repository.targets[name] = served
    trusting.download('t', code=1)
    assert trusting.files() == {'t': b'of the user'}


def test_a_body_that_breaks_off(trusting, repository):
    repository.add_target('t', b'x' * 1000)
    (name,) = repository.targets
    repository.publish()

    def breaks_off(handler):
        start(handler, 1000)
        handler.wfile.write(b'x' * 500)

    repository.targets[name] = breaks_off
    trusting.download('t', code=1)
    assert trusting.files() == {}


def test_redirects_and_server_errors_are_failures(trusting, repository):
    repository.files['elsewhere.json'] = repository.files['timestamp.json']
    repository.files['timestamp.json'] = redirect
    assert '302' in trusting.refresh(code=1).stderr
    repository.files['timestamp.json'] = lambda handler: handler.send_error(500)
    trusting.refresh(code=1)
    assert trusting.stored() == ['root.json']


# --- metadata that means harm ---

def test_a_million_elements(trusting, repository):
    repository.publish(x=[1] * 1000000)
    trusting.refresh()
    # In a file that nobody signed it must cost no more.
    repository.files['2.root.json'] = b'{"signatures":[' + b'0,' * 200000 + b'0],"signed":{}}'
    trusting.refresh(code=1)


@pytest.mark.parametrize('brackets', [(b'[', b']'), (b'{"a":', b'}')])
def test_nesting_of_a_hundred_thousand(trusting, repository, brackets):
    deep = brackets[0] * 50000 + b'1' + brackets[1] * 50000
    trusting.init(deep, code=1)
    repository.files['2.root.json'] = deep
    trusting.refresh(code=1)
    del repository.files['2.root.json']
    repository.files['1.snapshot.json'] = brackets[0] * 100000 + b'1' + brackets[1] * 100000
    trusting.refresh(code=1)


def test_eleven_hundred_roots(trusting, repository):
    for version in range(2, 1101):
        repository.put_root(version)
    assert '1024' in trusting.refresh(code=1).stderr
    assert trusting.version('root') == 1025
    trusting.refresh()
    assert trusting.version('root') == 1100


@pytest.mark.parametrize('threshold', [0, -1, 2, 2**63, 2**64 + 1, 1.0, '1', None, True])
def test_thresholds(client, repository, threshold):
    body = repository.root_body()
    body['roles']['timestamp']['threshold'] = threshold
    root = repository.signed('root', body)
    file = client.metadata.parent / 'root-to-try.json'
    file.write_bytes(root)
    # 2 of 1 is a root like any other; nothing will ever satisfy it.
    client.run('--metadata-dir', client.metadata, 'init', file, code=0 if threshold == 2 else 1)
    client.refresh(code=1)
    assert client.stored() == (['root.json'] if threshold == 2 else [])


def test_one_key_twice_is_one(trusting, repository):
    body = json.loads(repository.files['1.snapshot.json'])['signed']
    repository.files['1.snapshot.json'] = repository.signed('snapshot', body, times=2)
    trusting.refresh(code=1)
    repository.publish()
    root = repository.root_body(2)
    role = root['roles']['timestamp']
    role['keyids'], role['threshold'] = role['keyids'] * 2, 2
    repository.files['2.root.json'] = repository.signed('root', root)
    trusting.refresh(code=1)
    assert not (trusting.metadata / 'snapshot.json').exists()


def test_the_same_key_under_two_ids_is_one(trusting, repository):
    root = repository.root_body(2)
    same = {**repository.keys['timestamp'].public, 'x': 1}
    keyid = hashlib.sha256(canonical(same)).hexdigest()
    root['keys'][keyid] = same
    root['roles']['timestamp'] = {'keyids': [repository.keys['timestamp'].id, keyid], 'threshold': 2}
    repository.files['2.root.json'] = repository.signed('root', root)
    timestamp = json.loads(repository.files['timestamp.json'])
    timestamp['signatures'].append({**timestamp['signatures'][0], 'keyid': keyid})
    repository.files['timestamp.json'] = json.dumps(timestamp).encode()
    trusting.refresh(code=1)
    assert trusting.stored() == ['root.json']


@pytest.mark.parametrize('spoil', [
    lambda text: text.replace(b'"version": 1', b'"version": 1, "version": 1', 1),
    lambda text: text.replace(b'"_type"', b'"\xff": 1, "_type"', 1),
    lambda text: text.replace(b'"version": 1', b'"version": 99999999999999999999', 1),
    lambda text: text + b'{}',
    lambda text: text[:-1],
    lambda text: b'\xef\xbb\xbf' + text,
    lambda text: b'',
])
def test_files_that_are_no_metadata(trusting, repository, spoil):
    repository.files['timestamp.json'] = spoil(repository.files['timestamp.json'])
    trusting.refresh(code=1)
    assert trusting.stored() == ['root.json']


def test_files_of_the_user_among_the_metadata(trusting, repository):
    """What stands in the folder is no more trusted than what comes over the network."""
    trusting.refresh()
    for name in ('timestamp.json', 'snapshot.json', 'targets.json'):
        (trusting.metadata / name).write_bytes(b'[' * 100000)
    trusting.refresh()
    assert (trusting.metadata / 'snapshot.json').read_bytes() == repository.files['1.snapshot.json']
    forged = json.loads(repository.root)
    forged['signatures'] = [{'keyid': Key('thief').id, 'sig': '00' * 64}]
    (trusting.metadata / 'root.json').write_text(json.dumps(forged))
    trusting.refresh(code=1)
    pathlib.Path(trusting.metadata / 'root.json').unlink()
    trusting.refresh(code=1)
