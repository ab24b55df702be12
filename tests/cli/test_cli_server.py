"""What `pawl` sends to a server and makes of its answers."""
import json
import os
import stat
import subprocess

import pytest
from cli_kit import PAWL, on_terminal, run

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
    for number in range(2, 6):
        run('-C', repo, 'device', 'add', f'dev-{number}', '--product', 'acme', '--hw', 'gw-a', '--group', 'field')
    listed = json.loads(run('-C', repo, 'device', 'list', '--json').stdout)
    assert [d['controllerId'] for d in listed['content']] == [f'dev-{n}' for n in range(1, 6)]
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
    assert code == 0 and '\033[5A' in seen and 'paused' in seen
    assert '[##>>................] stage 1/3 running' in seen
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
    assert len(lines) == 6 and lines[0].split() == ['ID', 'AT', 'ACTOR', 'ACTION', 'OBJECT', 'DETAIL']
    assert lines[3].split() == ['2', '1970-01-01T00:00:02Z', 'operator', 'publish', '-', '-']


# --- servers that lie ---

READERS = [['server', 'status'], ['device', 'list'], ['device', 'show', 'dev-1'], ['rollout', 'list'],
           ['rollout', 'status'], ['audit'], ['device', 'approve', '--all'], ['device', 'assign', 'dev-1',
                                                                             '--release', '1.0.0']]
ESCAPE = '\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202e\\r'
NAMES = ('why', 'status', 'name', 'actor', 'action', 'product', 'version', 'state', 'message')
NASTY = ','.join(f'"{name}":"{ESCAPE}"' for name in NAMES)
LIES = {
    'html': (200, b'<html><body>Sign in to the hotel network</body></html>'),
    'proxy': (502, b'<html>Bad Gateway</html>'),
    'nothing': (200, b''),
    'text': (200, b'"text"'),
    'list': (200, b'[[[],{}],1,null]'),
    'types': (200, b'{"content":{"a":1},"total":"many","controllerId":7,"pawl":[1],"id":{},"status":[]}'),
    'numbers': (200, b'{"content":[{"id":1e999,"at":-9e18,"createdAt":9223372036854775807}],"total":1e30,'
                     b'"createdAt":9223372036854775807,"pawl":{"strata":[{"size":-1,"healthy":9223372036854775807},'
                     b'{"size":1,"healthy":9223372036854775807,"failed":-9223372036854775808}]}}'),
    'deep': (200, b'[' * 100000),
    'other': (200, b'{"controllerId":"dev-2","content":[],"total":5,"pawl":{"product":"acme"}}'),
    'nasty': (200, ('{%s,"controllerId":"dev-1","pawl":{%s,"strata":[{%s}]},"content":[{%s,"id":1,"pawl":{%s}}],'
                    '"total":1}' % ((NASTY,) * 5)).encode()),
    'nasty error': (409, b'{"message":"' + ESCAPE.encode() + b'"}'),
}


@pytest.mark.parametrize('lie', LIES)
def test_a_lying_server_gets_an_error_not_a_crash(repo, server, lie):
    server.lie = LIES[lie]
    for at, arguments in enumerate(READERS):
        for more in ([], ['--json']) if at in (1, 2, 5) else ([],):
            done = subprocess.run([PAWL, '-C', repo, *arguments, *more], stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=60, check=False)
            assert done.returncode in (0, 1), (arguments, done.stderr)
            if done.returncode == 1 and more:
                assert json.loads(done.stderr)['error']['message']
            if done.returncode == 0 and more:
                json.loads(done.stdout)
            if not more:
                text = (done.stdout + done.stderr).decode()
                assert not [c for c in text if (c < ' ' and c != '\n') or '\x7f' <= c < '\xa0' or c == '\u202e']
    if lie in ('html', 'deep'):
        assert 'no JSON' in run('-C', repo, 'device', 'list', code=1).stderr
    if lie == 'proxy':
        assert 'operator listener' in run('-C', repo, 'device', 'list', code=1).stderr
    if lie == 'other':
        assert 'not about device dev-1' in run('-C', repo, 'device', 'show', 'dev-1', code=1).stderr


def test_a_huge_answer_is_cut_off(repo, server):
    server.lie = 200, b' ' * (17 << 20)
    result = run('-C', repo, 'device', 'list', code=1)
    assert '/rest/v1/targets' in result.stderr


def test_a_token_that_can_not_be_stored_is_not_lost_silently(repo, server, tmp_path):
    result = run('-C', repo, 'device', 'add', 'dev-1', '--product', 'acme', '--hw', 'gw-a', '--group', 'field',
                 '--token-out', tmp_path / 'none/token', code=1)
    assert 'pawl device token dev-1' in result.stderr
    assert 'dev-1' in server.targets


def test_dates_and_wrapping_in_show(repo, server):
    server.lie = 200, (b'{"controllerId":"dev-1","createdAt":1795368415336,"residentBytes":11247616,'
                       b'"pawl":{"why":"' + b'a long reason ' * 12 + b'"}}')
    code, seen = on_terminal(['-C', repo, 'device', 'show', 'dev-1'], columns=60)
    assert code == 0 and 'createdAt: 2026-11-22T17:26:55Z' in seen and 'residentBytes: 10.7 MiB' in seen
    assert all(len(line) <= 60 for line in seen.split('\r\n')) and '...' not in seen
