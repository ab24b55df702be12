"""The `pawl` command line as a person or a script meets it: help, errors, exit
codes, files and their modes."""
import fcntl
import hashlib
import json
import os
import stat
import subprocess

import pytest
from cli_kit import PAWL, build, metadata, newest, on_terminal, run, snapshot_versions

COMMANDS = ['key create', 'key list', 'key show', 'key passwd', 'repo init', 'repo status', 'repo sign',
            'repo publish', 'server certify', 'server set-url', 'server status', 'product add', 'product list',
            'release build', 'release publish', 'release list', 'release show', 'channel set', 'device add',
            'device token', 'device list', 'device show', 'device approve', 'device assign', 'device revoke',
            'device remove', 'rollout start', 'rollout status', 'rollout list', 'rollout pause',
            'rollout resume', 'rollout abort', 'audit']


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
    run('-C', tmp_path, 'key', 'passwd', 'k', '--remove', '--passphrase-file', wrong)
    assert 'BEGIN PRIVATE KEY' in pem.read_text()


def test_passphrases_are_asked_for_without_echo(tmp_path):
    code, seen = on_terminal(['-C', tmp_path, 'key', 'create', 'k', '--encrypt'], 
                             [('New passphrase: ', 'hush hush'), ('Again: ', 'hush hush')])
    assert code == 0, seen
    assert 'Again:' in seen and 'hush' not in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'passwd', 'k', '--remove'], [('Passphrase of key k: ', 'wrong one')])
    assert code == 4 and 'is wrong' in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'passwd', 'k', '--remove'], [('Passphrase of key k: ', 'hush hush')])
    assert code == 0 and 'not encrypted' in seen
    code, seen = on_terminal(['-C', tmp_path, 'key', 'create', 'l', '--encrypt'],
                             [('New passphrase: ', 'one'), ('Again: ', 'two')])
    assert code == 1 and 'differ' in seen and not (tmp_path / 'keys/l.pem').exists()


def test_a_key_that_others_can_read_is_refused(repo):
    os.chmod(repo / 'keys/snapshot.pem', 0o644)
    result = run('-C', repo, 'repo', 'sign', 'snapshot', code=4)
    assert 'chmod go=' in result.stderr and 'consider the key known' in result.stderr


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
    for path in (repo / 'metadata').iterdir():
        if path.name not in ('1.root.json', '1.targets.json'):
            path.unlink()
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


# --- what a cut, a typing error or somebody else may leave ---

def test_a_mistyped_folder_does_not_come_into_being(tmp_path):
    for arguments in (['repo', 'sign', '--all'], ['product', 'add', 'x'], ['key', 'passwd', 'x', '--remove'],
                      ['channel', 'set', '--product', 'a', '--release', '1', '--group', 'g']):
        run('-C', tmp_path / 'typo', *arguments, code=1)
        assert not (tmp_path / 'typo').exists(), arguments


def test_a_key_that_was_cut_off_is_completed(repo):
    run('-C', repo, 'key', 'create', 'spare')
    private = (repo / 'keys/spare.pem').read_bytes()
    public = (repo / 'pub/spare.json').read_bytes()
    (repo / 'pub/spare.json').unlink()
    run('-C', repo, 'key', 'create', 'spare')
    assert (repo / 'keys/spare.pem').read_bytes() == private
    assert (repo / 'pub/spare.json').read_bytes() == public
    # The same inside of a product whose first key was cut in two.
    run('-C', repo, 'key', 'create', 'prod-pump-build')
    (repo / 'pub/prod-pump-build.json').unlink()
    run('-C', repo, 'product', 'add', 'pump')
    assert json.loads(run('-C', repo, 'repo', 'status', '--json').stdout)['ok'] is True


def test_a_key_that_is_kept_elsewhere_keeps_its_name(repo):
    (repo / 'keys/root-1.pem').unlink()
    public = (repo / 'pub/root-1.json').read_bytes()
    assert 'kept elsewhere' in run('-C', repo, 'key', 'create', 'root-1', code=1).stderr
    assert (repo / 'pub/root-1.json').read_bytes() == public and not (repo / 'keys/root-1.pem').exists()


def test_init_does_not_overwrite_an_old_repository(repo):
    run('-C', repo, 'repo', 'sign', '--all')
    (repo / 'pawl.json').unlink()
    before = {p.name: p.read_bytes() for p in (repo / 'metadata').iterdir()}
    result = run('-C', repo, 'repo', 'init', '--timestamp-key', repo / 'pub/timestamp.json', code=1)
    assert 'restore that file' in result.stderr
    assert {p.name: p.read_bytes() for p in (repo / 'metadata').iterdir()} == before


def test_planted_links_are_not_written_through(repo, tmp_path):
    victim = tmp_path / 'victim'
    victim.write_text('mine')
    image = tmp_path / 'i'
    image.write_bytes(b'image')
    (repo / 'targets/fw/acme/.incoming').symlink_to(victim)
    for name in ('pawl.json.new', 'keys/k.pem', 'keys/k.pem.new', 'metadata/4.snapshot.json.new'):
        (repo / name).symlink_to(victim)
    build(repo, '2.0.0', 2, 1, f'gw-a={image}')
    run('-C', repo, 'product', 'add', 'acme', '--group', 'lab')
    run('-C', repo, 'key', 'create', 'k', code=4)
    assert victim.read_text() == 'mine'


def test_private_files_are_private_under_any_umask(repo):
    for mask in (0, 0o777 & ~0o700):
        name = f'k{mask}'
        run('-C', repo, 'key', 'create', name, umask=mask)
        assert stat.S_IMODE((repo / f'keys/{name}.pem').stat().st_mode) == 0o600
    assert stat.S_IMODE((repo / 'keys').stat().st_mode) == 0o700


def test_a_folder_that_can_not_be_read_is_not_called_empty(repo):
    (repo / 'pawl.json').unlink()
    (repo / 'pawl.json').symlink_to('pawl.json')
    assert 'symbolic links' in run('-C', repo, 'repo', 'status', code=1).stderr
    (repo / 'pawl.json').unlink()
    assert 'there is no repository' in run('-C', repo, 'repo', 'status', code=1).stderr
    if os.geteuid() == 0:
        os.chmod(repo, 0o700)
        nobody = {'user': 65534, 'group': 65534, 'extra_groups': []}
        run('-C', repo, 'repo', 'status', code=4, **nobody)


def test_a_full_output_is_a_failure(repo):
    with open('/dev/full', 'w', encoding='utf-8') as full:
        done = subprocess.run([PAWL, '-C', repo, 'repo', 'status'], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1


def test_what_people_see(repo):
    code, seen = on_terminal(['-C', repo, 'release', 'list'], columns=80)
    assert code == 0 and '97.7 KiB' in seen and all(len(line) <= 80 for line in seen.split('\r\n'))
    code, seen = on_terminal(['-C', repo, 'release', 'show', '1.0.0'], columns=80)
    assert '(100000 bytes)' in seen and all(len(line) <= 80 for line in seen.split('\r\n'))
    settings = json.loads((repo / 'pawl.json').read_text())
    settings['roles']['snapshot']['days'] = 1
    (repo / 'pawl.json').write_text(json.dumps(settings))
    run('-C', repo, 'repo', 'sign', 'snapshot')
    code, seen = on_terminal(['-C', repo, 'repo', 'status'], columns=80)
    assert 'snapshot expires soon: run `pawl repo sign`, then `pawl repo publish`' in ' '.join(seen.split())
    assert all(len(line) <= 80 for line in seen.split('\r\n'))
