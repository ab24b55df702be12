"""The `pawl` command line as a person or a script meets it: help, errors, exit
codes, files and their modes, and what it sends to a server."""
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import shutil
import stat
import subprocess
import termios
import time

import pytest
from fake_server import FakeServer

PAWL = os.environ['PAWL']
COMMANDS = ['key create', 'key list', 'key show', 'key passwd', 'repo init', 'repo status', 'repo sign',
            'repo publish', 'server certify', 'server set-url', 'server status', 'product add', 'product list',
            'release build', 'release publish', 'release list', 'release show', 'channel set', 'device add',
            'device token', 'device list', 'device show', 'device approve', 'device assign', 'device revoke',
            'device remove', 'rollout start', 'rollout status', 'rollout list', 'rollout pause',
            'rollout resume', 'rollout abort', 'audit']


def run(*arguments, code=0, **options):
    result = subprocess.run([PAWL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=120, check=False, **options)
    assert result.returncode == code, f'{arguments}: exit {result.returncode}\n{result.stdout}{result.stderr}'
    return result


@pytest.fixture(scope='session', name='template')
def one_repository(tmp_path_factory):
    """A repository with a product and one release; tests copy it."""
    folder = tmp_path_factory.mktemp('template')
    run('key', 'create', 'timestamp-of-server', '-C', folder / 'server')
    repo = folder / 'repo'
    run('-C', repo, 'repo', 'init', '--timestamp-key', folder / 'server/pub/timestamp-of-server.json')
    run('-C', repo, 'product', 'add', 'acme', '--group', 'field')
    image = folder / 'a.img'
    image.write_bytes(os.urandom(100000))
    run('-C', repo, 'release', 'build', '--product', 'acme', '--version', '1.0.0', '--seq', 1, '--sec', 1,
        '--image', f'gw-a={image}')
    return folder


@pytest.fixture(name='repo')
def a_copy(template, tmp_path):
    repo = tmp_path / 'repo'
    shutil.copytree(template / 'repo', repo)
    return repo


@pytest.fixture(name='server')
def a_server(repo, tmp_path):
    key, csr, cert = tmp_path / 'tls.key', tmp_path / 'tls.csr', tmp_path / 'tls.pem'
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-subj', '/CN=server', '-out', csr], check=True, capture_output=True)
    run('-C', repo, 'server', 'certify', '--csr', csr, '--name', 'localhost', '--name', '127.0.0.1', '--out', cert)
    server = FakeServer(cert, key, repo / 'ca/ca.pem')
    run('-C', repo, 'server', 'set-url', '--operator', f'https://127.0.0.1:{server.port}/')
    yield server
    server.close()


def metadata(repo, version, role):
    return json.loads((repo / f'metadata/{version}.{role}.json').read_text())


def newest(repo, role):
    return max(int(p.name.split('.')[0]) for p in (repo / 'metadata').glob(f'*.{role}.json'))


def snapshot_versions(repo):
    meta = metadata(repo, newest(repo, 'snapshot'), 'snapshot')['signed']['meta']
    return {name: entry['version'] for name, entry in meta.items()}


# --- help and usage ---

@pytest.mark.parametrize('command', [''] + COMMANDS)
def test_help_goes_to_stdout_and_fits(command):
    result = run(*command.split(), '--help')
    assert result.stderr == ''
    assert command in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_every_command_is_listed():
    listed = run('--help').stdout
    for command in COMMANDS:
        assert f'  {command} ' in listed


@pytest.mark.parametrize('arguments', [
    ['bogus'], ['key'], ['key', 'create'], ['key', 'create', 'a', '--bogus'], ['key', 'create', 'a', '--type', 'dsa'],
    ['key', 'create', '../a'], ['repo', 'init'], ['repo', 'sign'], ['release', 'build'], ['device', 'approve'],
    ['device', 'show', 'a/b'], ['server', 'set-url', '--operator', 'http://x:1'], ['repo', 'sign', 'x', '--all'],
    ['release', 'build', '--product', 'acme', '--version', '2', '--seq', '0', '--sec', '1', '--image', 'a=b'],
    ['release', 'build', '--product', 'acme', '--version', '2', '--seq', '2', '--sec', '1', '--image', 'nothing'],
    ['rollout', 'start', '--product', 'acme', '--release', '1', '--group', 'f', '--stages', '10,50'],
])
def test_usage_errors_exit_2_on_stderr(arguments, repo):
    result = run('-C', repo, *arguments, code=2)
    assert result.stdout == ''
    assert result.stderr.startswith('pawl')


def test_completion_is_valid_bash():
    script = run('completion', 'bash').stdout
    assert 'rollout' in script
    subprocess.run(['bash', '-n'], input=script, text=True, check=True)


def test_the_folder_may_come_from_the_environment(repo, tmp_path):
    run('repo', 'status', env={**os.environ, 'PAWL_REPO': str(repo)})
    result = run('repo', 'status', code=1, cwd=tmp_path, env={**os.environ, 'PAWL_REPO': ''})
    assert 'pawl repo init' in result.stderr
    run('repo', 'status', f'--repo={repo}')
    run(f'--repo={repo}', 'repo', 'status')


# --- keys ---

@pytest.mark.parametrize('kind', ['ed25519', 'p256', 'rsa'])
def test_keys_are_private_and_readable_by_openssl(kind, tmp_path):
    run('-C', tmp_path, 'key', 'create', 'one', '--type', kind)
    pem = tmp_path / 'keys/one.pem'
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    assert stat.S_IMODE(pem.parent.stat().st_mode) == 0o700
    subprocess.run(['openssl', 'pkey', '-in', pem, '-noout'], check=True)
    shown = json.loads(run('-C', tmp_path, 'key', 'show', 'one', '--json').stdout)
    assert shown['public'] == json.loads((tmp_path / 'pub/one.json').read_text())
    if kind == 'ed25519':
        canonical = json.dumps(shown['public'], sort_keys=True, separators=(',', ':'))
        assert shown['keyid'] == hashlib.sha256(canonical.encode()).hexdigest()
    before = pem.read_bytes()
    assert 'exists' in run('-C', tmp_path, 'key', 'create', 'one', code=1).stderr
    assert pem.read_bytes() == before


def test_passphrases(tmp_path):
    right, wrong = tmp_path / 'right', tmp_path / 'wrong'
    right.write_text('correct horse\n')
    wrong.write_text('battery\n')
    run('-C', tmp_path, 'key', 'create', 'k', '--encrypt', '--passphrase-file', right)
    pem = tmp_path / 'keys/k.pem'
    assert 'BEGIN ENCRYPTED PRIVATE KEY' in pem.read_text()
    subprocess.run(['openssl', 'pkey', '-in', pem, '-noout', '-passin', f'file:{right}'], check=True)
    listed = json.loads(run('-C', tmp_path, 'key', 'list', '--json').stdout)
    assert listed[0]['private'] == 'encrypted'
    assert 'wrong' in run('-C', tmp_path, 'key', 'passwd', 'k', '--remove', '--passphrase-file', wrong, code=4).stderr
    # No terminal and no file: it says so instead of waiting.
    no_terminal = run('-C', tmp_path, 'key', 'passwd', 'k', '--remove', code=4, start_new_session=True)
    assert '--passphrase-file' in no_terminal.stderr
    run('-C', tmp_path, 'key', 'passwd', 'k', '--passphrase-file', right, '--new-passphrase-file', wrong)
    run('-C', tmp_path, 'key', 'passwd', 'k', '--remove', '--passphrase-file', right, code=4)
    run('-C', tmp_path, 'key', 'passwd', 'k', '--remove', '--passphrase-file', wrong)
    assert 'BEGIN PRIVATE KEY' in pem.read_text()


def on_terminal(arguments, typed=()):
    """Runs pawl with a controlling terminal and types a line at each prompt."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PAWL, [PAWL, *map(str, arguments)])
    seen = b''
    typed = list(typed)
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
        if typed and seen.rstrip().endswith(b':'):
            # Like a person: type once the echo is off; what comes earlier is flushed.
            deadline = time.monotonic() + 30
            while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < deadline:
                time.sleep(0.01)
            os.write(terminal, typed.pop(0).encode() + b'\n')
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_passphrases_are_asked_for_without_echo(tmp_path):
    code, seen = on_terminal(['-C', tmp_path, 'key', 'create', 'k', '--encrypt'], ['hush hush', 'hush hush'])
    assert code == 0, seen
    assert 'Again:' in seen and 'hush' not in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'passwd', 'k', '--remove'], ['wrong one'])
    assert code == 4 and 'is wrong' in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'passwd', 'k', '--remove'], ['hush hush'])
    assert code == 0 and 'not encrypted' in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'create', 'l', '--encrypt'], ['one', 'two'])
    assert code == 1 and 'differ' in seen and not (tmp_path / 'keys/l.pem').exists()


def test_a_key_that_others_can_read_is_refused(repo):
    os.chmod(repo / 'keys/snapshot.pem', 0o644)
    result = run('-C', repo, 'repo', 'sign', 'snapshot', code=4)
    assert 'chmod 600' in result.stderr


# --- repository ---

def test_init_writes_what_the_contract_says(repo):
    for name in ['metadata/1.root.json', 'metadata/1.targets.json', 'metadata/1.snapshot.json', 'ca/ca.pem',
                 'ca/operator.pem', 'pub/timestamp.json']:
        assert (repo / name).exists()
    for key in ['root-1', 'root-2', 'root-3', 'targets-1', 'targets-2', 'targets-3', 'snapshot', 'ca', 'operator']:
        assert stat.S_IMODE((repo / f'keys/{key}.pem').stat().st_mode) == 0o600
    assert not (repo / 'keys/timestamp.pem').exists()
    roles = metadata(repo, 1, 'root')['signed']['roles']
    assert {name: (role['threshold'], len(role['keyids'])) for name, role in roles.items()} == {
        'root': (2, 3), 'targets': (2, 3), 'snapshot': (1, 1), 'timestamp': (1, 1)}
    settings = json.loads((repo / 'pawl.json').read_text())
    assert settings['roles']['root'] == {'keys': ['root-1', 'root-2', 'root-3'], 'threshold': 2, 'days': 365}
    assert 'holds a repository already' in run(
        '-C', repo, 'repo', 'init', '--timestamp-key', repo / 'pub/timestamp.json', code=1).stderr
    subprocess.run(['openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', repo / 'ca/ca.pem',
                    repo / 'ca/operator.pem'], check=True, capture_output=True)


def test_openssl_agrees_with_the_signatures(repo, tmp_path):
    root = metadata(repo, 1, 'root')
    message = tmp_path / 'message'
    message.write_text(json.dumps(root['signed'], sort_keys=True, separators=(',', ':')))
    for signature in root['signatures']:
        name = next(n for n in ('root-1', 'root-2', 'root-3') if json.loads(
            run('-C', repo, 'key', 'show', n, '--json').stdout)['keyid'] == signature['keyid'])
        raw = tmp_path / 'signature'
        raw.write_bytes(bytes.fromhex(signature['sig']))
        subprocess.run(['openssl', 'pkeyutl', '-verify', '-rawin', '-inkey', repo / f'keys/{name}.pem', '-sigfile',
                        raw, '-in', message], check=True, capture_output=True)


def test_init_goes_on_after_a_cut(repo):
    (repo / 'pawl.json').unlink()
    before = (repo / 'keys/root-1.pem').read_bytes()
    run('-C', repo, 'repo', 'init', '--timestamp-key', repo / 'pub/timestamp.json')
    assert (repo / 'keys/root-1.pem').read_bytes() == before


def test_init_with_encrypted_keys_of_another_type(template, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('long enough\n')
    repo = tmp_path / 'r'
    run('-C', repo, 'repo', 'init', '--timestamp-key', template / 'repo/pub/timestamp.json', '--encrypt', '--type',
        'p256', '--passphrase-file', secret, '--root-keys', 1, '--root-threshold', 1, '--targets-keys', 1,
        '--targets-threshold', 1)
    assert 'ENCRYPTED' in (repo / 'keys/root-1.pem').read_text()
    run('-C', repo, 'product', 'add', 'acme', '--passphrase-file', secret)
    assert json.loads(run('-C', repo, 'repo', 'status', '--json').stdout)['ok'] is True
    run('-C', repo, 'repo', 'sign', 'targets', code=4, start_new_session=True)


def test_thresholds_that_can_not_be_met(template, tmp_path):
    run('-C', tmp_path / 'r', 'repo', 'init', '--timestamp-key', template / 'repo/pub/timestamp.json',
        '--root-keys', 1, '--root-threshold', 2, code=2)
    assert not (tmp_path / 'r').exists()


def test_status_and_sign(repo):
    status = json.loads(run('-C', repo, 'repo', 'status', '--json').stdout)
    assert status['ok'] is True
    assert {r['role'] for r in status['roles']} == {'root', 'snapshot', 'targets', 'prod-acme', 'chan-acme'}
    assert all(r['signatures'] >= r['threshold'] for r in status['roles'])
    before = snapshot_versions(repo)
    run('-C', repo, 'repo', 'sign', 'prod-acme')
    after = snapshot_versions(repo)
    assert after == {**before, 'prod-acme.json': before['prod-acme.json'] + 1}
    run('-C', repo, 'repo', 'sign', '--all')
    assert newest(repo, 'root') == 2
    assert 'no role' in run('-C', repo, 'repo', 'sign', 'nobody', code=1).stderr


def test_missing_keys_change_nothing(repo):
    before = sorted(p.name for p in (repo / 'metadata').iterdir())
    for key in ('targets-1', 'targets-2'):
        (repo / f'keys/{key}.pem').unlink()
    result = run('-C', repo, 'repo', 'sign', 'targets', code=4)
    assert 'needs 2 signatures and 1 of its keys' in result.stderr
    assert sorted(p.name for p in (repo / 'metadata').iterdir()) == before


def test_a_cut_between_files_leaves_the_old_state(repo):
    before = snapshot_versions(repo)
    run('-C', repo, 'repo', 'sign', 'prod-acme')
    (repo / f'metadata/{newest(repo, "snapshot")}.snapshot.json').unlink()
    assert snapshot_versions(repo) == before
    assert json.loads(run('-C', repo, 'repo', 'status', '--json').stdout)['ok'] is True
    run('-C', repo, 'repo', 'sign', 'prod-acme')
    assert snapshot_versions(repo)['prod-acme.json'] == before['prod-acme.json'] + 1


def test_changed_metadata_is_noticed(repo):
    path = repo / f'metadata/{snapshot_versions(repo)["prod-acme.json"]}.prod-acme.json'
    path.write_bytes(path.read_bytes().replace(b'"seq":1', b'"seq":9'))
    assert 'restore' in run('-C', repo, 'repo', 'status', code=1).stderr


@pytest.mark.parametrize('path, value, field', [
    (('v',), 2, '"v"'),
    (('roles', 'root', 'threshold'), 9, 'roles.root.threshold'),
    (('roles', 'targets', 'days'), 'x', 'roles.targets.days'),
    (('roles', 'snapshot', 'keys'), ['../../etc/passwd'], 'roles.snapshot.keys'),
    (('roles',), [], '"roles"'),
    (('products', 'acme', 'groups'), 3, 'products.acme.groups'),
    (('server', 'operator'), 'ftp://x', 'server.operator'),
])
def test_wrong_settings_name_the_field(repo, path, value, field):
    settings = json.loads((repo / 'pawl.json').read_text())
    inner = settings
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    (repo / 'pawl.json').write_text(json.dumps(settings))
    result = run('-C', repo, 'repo', 'status', code=1)
    assert field in result.stderr and 'pawl.json' in result.stderr
    error = json.loads(run('-C', repo, 'repo', 'status', '--json', code=1).stderr)
    assert field in error['error']['message']


def test_settings_that_are_no_json(repo):
    (repo / 'pawl.json').write_text('{"v":1,')
    assert 'pawl.json is no JSON' in run('-C', repo, 'repo', 'status', code=1).stderr


# --- products and releases ---

def test_products(repo):
    assert 'exists' in run('-C', repo, 'product', 'add', 'acme', '--group', 'field', code=1).stderr
    run('-C', repo, 'product', 'add', 'acme', '--group', 'lab')
    run('-C', repo, 'product', 'add', 'pump')
    products = json.loads(run('-C', repo, 'product', 'list', '--json').stdout)
    assert products == [{'product': 'acme', 'groups': ['field', 'lab']}, {'product': 'pump', 'groups': []}]
    roles = metadata(repo, snapshot_versions(repo)['targets.json'], 'targets')['signed']['delegations']['roles']
    assert [(r['name'], r['threshold'], r['terminating'], r['paths']) for r in roles] == [
        ('prod-acme', 2, True, ['fw/acme/*']), ('chan-acme', 1, True, ['channel/acme/*']),
        ('prod-pump', 2, True, ['fw/pump/*']), ('chan-pump', 1, True, ['channel/pump/*'])]


def test_a_product_that_was_cut_off_is_finished(repo):
    settings = (repo / 'pawl.json').read_bytes()
    run('-C', repo, 'product', 'add', 'pump')
    (repo / 'pawl.json').write_bytes(settings)
    run('-C', repo, 'product', 'add', 'pump')
    run('-C', repo, 'repo', 'sign', 'prod-pump')


def build(repo, version, seq, sec, *images, code=0, more=()):
    options = [part for image in images for part in ('--image', image)]
    return run('-C', repo, 'release', 'build', '--product', 'acme', '--version', version, '--seq', seq, '--sec', sec,
               *options, *more, code=code)


def test_a_release_holds_exact_bytes(repo, tmp_path):
    files = {hw: tmp_path / hw for hw in ('gw-a', 'gw-b')}
    for file in files.values():
        file.write_bytes(os.urandom(3 << 20))
    built = json.loads(build(repo, '2.0.0', 2, 1, *(f'{hw}={file}' for hw, file in files.items()),
                             more=['--json']).stdout)
    targets = metadata(repo, snapshot_versions(repo)['prod-acme.json'], 'prod-acme')['signed']['targets']
    for image in built['images']:
        content = files[image['hardwareClass']].read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert image['sha256'] == digest
        path = f'fw/acme/2.0.0.{image["hardwareClass"]}.img'
        assert targets[path]['length'] == len(content)
        assert targets[path]['hashes'] == {'sha256': digest}
        assert targets[path]['custom'] == {
            'v': 1, 'kind': 'full', 'comp': 'rootfs', 'product': 'acme', 'hw': [image['hardwareClass']],
            'version': '2.0.0', 'seq': 2, 'sec': 1, 'plain': {'length': len(content), 'sha256': digest}}
        assert (repo / f'targets/fw/acme/{digest}.2.0.0.{image["hardwareClass"]}.img').read_bytes() == content
    assert len(json.loads(run('-C', repo, 'release', 'list', '--json').stdout)) == 3
    assert len(json.loads(run('-C', repo, 'release', 'show', '2.0.0', '--json').stdout)) == 2
    run('-C', repo, 'release', 'show', '7.0.0', code=1)
    assert not list((repo / 'targets/fw/acme').glob('.*'))


def test_releases_move_forward_only(repo, tmp_path):
    image = tmp_path / 'i'
    image.write_bytes(b'image')
    empty = tmp_path / 'e'
    empty.touch()
    huge = tmp_path / 'h'
    huge.touch()
    os.truncate(huge, (16 << 30) + 1)
    before = snapshot_versions(repo)
    assert 'not above' in build(repo, '1.0.1', 1, 1, f'gw-a={image}', code=1).stderr
    assert 'exists' in build(repo, '1.0.0', 2, 1, f'gw-a={image}', code=1).stderr
    assert 'sec 0 is below' in build(repo, '2.0.0', 2, 0, f'gw-a={image}', code=1).stderr
    assert 'empty' in build(repo, '2.0.0', 2, 1, f'gw-a={empty}', code=1).stderr
    assert 'too large' in build(repo, '2.0.0', 2, 1, f'gw-a={huge}', code=1).stderr
    assert 'No such file' in build(repo, '2.0.0', 2, 1, f'gw-a={tmp_path}/none', code=1).stderr
    build(repo, '2.0.0', 2, 1, f'gw-a={image}', f'gw-a={image}', code=2)
    build(repo, '2..0', 2, 1, f'gw-a={image}', code=2)
    build(repo, '2.0.0', 2, 1, f'gw-a={image}', more=['--dry-run'])
    assert snapshot_versions(repo) == before
    assert not list((repo / 'targets/fw/acme').glob('*2.0.0*'))


def test_channels_keep_classes_and_count_up(repo, tmp_path):
    def channel():
        entries = metadata(repo, snapshot_versions(repo)['chan-acme.json'], 'chan-acme')['signed']['targets']
        entry = entries['channel/acme/field.json']
        return json.loads((repo / f'targets/channel/acme/{entry["hashes"]["sha256"]}.field.json').read_bytes())

    def allow(release):
        run('-C', repo, 'channel', 'set', '--product', 'acme', '--release', release, '--group', 'field',
            '--no-publish')

    allow('1.0.0')
    assert channel() == {'v': 1, 'counter': 1, 'product': 'acme', 'group': 'field', 'set': [
        {'comp': 'rootfs', 'hw': ['gw-a'], 'full': 'fw/acme/1.0.0.gw-a.img', 'version': '1.0.0', 'seq': 1, 'sec': 1}]}
    image = tmp_path / 'i'
    image.write_bytes(b'image')
    build(repo, '2.0.0', 2, 1, f'gw-b={image}')
    allow('2.0.0')
    assert [(e['hw'], e['version']) for e in channel()['set']] == [(['gw-a'], '1.0.0'), (['gw-b'], '2.0.0')]
    before = snapshot_versions(repo)
    allow('2.0.0')
    assert channel()['counter'] == 2 and snapshot_versions(repo) == before
    assert 'no group' in run('-C', repo, 'channel', 'set', '--product', 'acme', '--release', '1.0.0', '--group', 'x',
                             code=1).stderr


def test_two_writers_do_not_mix(repo):
    with open(repo / '.lock', 'a', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert 'another pawl' in run('-C', repo, 'repo', 'sign', 'snapshot', code=1).stderr
    run('-C', repo, 'repo', 'sign', 'snapshot')


# --- with a server ---

def test_publication_uploads_once_and_switches_last(repo, server):
    run('-C', repo, 'release', 'publish')
    methods = [method for method, _ in server.log]
    assert server.log[-1] == ('POST', '/rest/v1/pawl/publish')
    uploads = methods.count('PUT')
    assert uploads == len(server.files) == 6
    server.log.clear()
    answer = json.loads(run('-C', repo, 'repo', 'publish', '--json').stdout)
    assert answer['distributionSets'] == [{'id': 1, 'name': 'acme', 'version': '1.0.0'}]
    assert 'PUT' not in [method for method, _ in server.log]
    server.log.clear()
    run('-C', repo, 'repo', 'publish', '--dry-run')
    assert server.log == []


def test_refusals_of_the_server_are_told(repo, server):
    server.publish_status = 409
    result = run('-C', repo, 'repo', 'publish', code=1)
    assert 'older than what is served; restore' in result.stderr and '409' in result.stderr


def test_servers_that_are_not_ours(repo, server, template):
    run('-C', repo, 'server', 'set-url', '--operator', 'https://127.0.0.1:1')
    assert '127.0.0.1' in run('-C', repo, 'server', 'status', code=3).stderr
    run('-C', repo, 'server', 'set-url', '--operator', f'https://127.0.0.1:{server.port}')
    run('-C', repo, 'server', 'status')
    other = repo.parent / 'other'
    run('-C', other, 'repo', 'init', '--timestamp-key', template / 'repo/pub/timestamp.json')
    run('-C', other, 'server', 'set-url', '--operator', f'https://127.0.0.1:{server.port}')
    run('-C', other, 'server', 'status', code=4)
    (repo / 'keys/operator.pem').unlink()
    run('-C', repo, 'server', 'status', code=4)


def test_an_encrypted_operator_key_works(repo, server, tmp_path):
    assert server.port
    secret = tmp_path / 'secret'
    secret.write_text('sesame\n')
    run('-C', repo, 'key', 'passwd', 'operator', '--new-passphrase-file', secret)
    run('-C', repo, 'server', 'status', '--passphrase-file', secret)
    run('-C', repo, 'server', 'status', code=4, start_new_session=True)


def test_devices(repo, server, tmp_path):
    token = tmp_path / 'token'
    run('-C', repo, 'device', 'add', 'dev-1', '--product', 'acme', '--hw', 'gw-a', '--group', 'field', '--token-out',
        token)
    assert token.read_text() == 'secret-token\n'
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert 'exists already' in run('-C', repo, 'device', 'add', 'dev-1', '--product', 'acme', '--hw', 'gw-a',
                                   '--group', 'field', code=1).stderr
    for number in range(2, 9):
        run('-C', repo, 'device', 'add', f'dev-{number}', '--product', 'acme', '--hw', 'gw-a', '--group', 'field')
    listed = json.loads(run('-C', repo, 'device', 'list', '--json').stdout)
    assert [d['controllerId'] for d in listed['content']] == [f'dev-{n}' for n in range(1, 9)]
    assert 'it runs 1.0.0' in run('-C', repo, 'device', 'list', '--q', 'group==field').stdout
    assert any('q=group%3D%3Dfield' in path for _, path in server.log)
    shown = json.loads(run('-C', repo, 'device', 'show', 'dev-1', '--json').stdout)
    assert shown['pawl']['why'] == 'it runs 1.0.0'
    assert shown['lastActionStatus'][0]['messages'] == ['it is confirmed']
    assert 'it is confirmed' in run('-C', repo, 'device', 'show', 'dev-1').stdout
    run('-C', repo, 'device', 'show', 'nobody', code=1)
    run('-C', repo, 'release', 'publish')
    run('-C', repo, 'device', 'assign', 'dev-1', '--release', '1.0.0')
    assert 'no release 9' in run('-C', repo, 'device', 'assign', 'dev-1', '--release', '9', code=1).stderr
    run('-C', repo, 'device', 'revoke', 'dev-1')
    assert server.log[-1] == ('DELETE', '/rest/v1/pawl/enrolments/dev-1')
    assert '--yes' in run('-C', repo, 'device', 'remove', 'dev-1', code=1).stderr
    run('-C', repo, 'device', 'remove', 'dev-1', '--yes', '--dry-run')
    assert server.log[-1][0] != 'DELETE' or 'targets' not in server.log[-1][1]
    run('-C', repo, 'device', 'remove', 'dev-1', '--yes')
    assert server.log[-1] == ('DELETE', '/rest/v1/targets/dev-1')


def request(folder, name):
    out = folder / f'{name}.csr'
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', folder / f'{name}.key', '-subj', f'/CN={name}', '-out', out], check=True,
                   capture_output=True)
    return out.read_text()


def test_approval_issues_certificates_for_good_requests_only(repo, server, tmp_path):
    for name in ('a', 'b', 'c', 'd'):
        server.pending[name] = request(tmp_path, name)
    server.pending['liar'] = server.pending['a']
    server.pending['noise'] = 'no request'
    run('-C', repo, 'device', 'approve', 'a')
    result = run('-C', repo, 'device', 'approve', '--all', code=1)
    assert 'liar: not approved' in result.stderr and 'noise: not approved' in result.stderr
    assert sorted(server.certificates) == ['a', 'b', 'c', 'd']
    cert = tmp_path / 'a.pem'
    cert.write_text(server.certificates['a'])
    subprocess.run(['openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', repo / 'ca/ca.pem', cert],
                   check=True, capture_output=True)
    subject = subprocess.run(['openssl', 'x509', '-in', cert, '-noout', '-subject'], check=True, capture_output=True,
                             text=True).stdout
    assert 'OU = device' in subject and 'CN = a' in subject
    server.pending.clear()
    assert 'no device waits' in run('-C', repo, 'device', 'approve', '--all').stdout
    run('-C', repo, 'device', 'approve', 'a', code=1)


def test_rollout(repo, server):
    arguments = ['rollout', 'start', '--product', 'acme', '--release', '1.0.0', '--group', 'field', '--name', 'v1',
                 '--stages', '20,100', '--budget', 3, '--error-threshold', 5]
    run('-C', repo, *arguments, '--dry-run')
    assert server.log == [] and 'channel' not in str(list((repo / 'targets').rglob('*')))
    result = run('-C', repo, *arguments, '--follow')
    assert 'running' in result.stdout and 'finished' in result.stdout
    order = [path for method, path in server.log if method == 'POST']
    assert order == ['/rest/v1/pawl/publish', '/rest/v1/rollouts', '/rest/v1/rollouts/1/start']
    body = server.rollouts[0]
    assert body['targetFilterQuery'] == 'product==acme;group==field'
    assert body['distributionSetId'] == 1
    assert [g['targetPercentage'] for g in body['groups']] == [20, 100]
    assert body['errorCondition'] == {'condition': 'THRESHOLD', 'expression': '5'}
    assert body['pawl']['budget'] == {'base': 3, 'gainPermille': 1000}
    status = json.loads(run('-C', repo, 'rollout', 'status', 'v1', '--json').stdout)
    assert status['pawl']['strata'][0]['name'] == 'gw-a'
    assert 'waits for health' in run('-C', repo, 'rollout', 'status', '1', '--follow').stdout
    server.rollout_states = ['running', 'paused']
    code, seen = on_terminal(['-C', repo, 'rollout', 'status', 'v1', '--follow'])
    assert code == 0 and '\033[3A' in seen and 'paused' in seen
    assert 'v1' in run('-C', repo, 'rollout', 'status').stdout
    assert 'v1' in run('-C', repo, 'rollout', 'list').stdout
    for verb, path in (('pause', 'pause'), ('resume', 'resume'), ('abort', 'stop')):
        run('-C', repo, 'rollout', verb, 'v1', *(['--yes'] if verb == 'abort' else []))
        assert ('POST', f'/rest/v1/rollouts/1/{path}') in server.log
    run('-C', repo, 'rollout', 'status', 'nobody', code=1)


def test_audit(repo, server):
    assert server.port
    assert len(json.loads(run('-C', repo, 'audit', '--json').stdout)) == 7
    lines = run('-C', repo, 'audit', '--limit', 5).stdout.splitlines()
    assert len(lines) == 5 and 'actor=operator' in lines[0]


def test_the_man_page_names_every_command():
    page = (pathlib.Path(__file__).parents[2] / 'docs/man/pawl.1.md').read_text()
    for command in COMMANDS:
        assert f'pawl {command}' in page, command
