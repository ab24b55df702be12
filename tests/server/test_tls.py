"""Who gets in: TLS versions, certificates, roles, slow and rude peers."""
import socket
import ssl

import pytest
import server_kit
from server_kit import Client, base, openssl, wait_for


def handshake_fails(context, port):
    """In TLS 1.3 a client learns of a refusal only when it reads."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=20) as plain, \
                context.wrap_socket(plain, server_hostname='127.0.0.1') as secure:
            secure.sendall(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
            return secure.recv(1) == b''
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.fixture(scope='module', autouse=True)
def devices(kit):
    kit.enrol('dev1')
    kit.enrol('dev2')


@pytest.mark.parametrize('listener', ['device', 'operator'])
def test_tls_1_2_is_refused(kit, listener):
    context = kit.device('dev1').context
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake_fails(context, kit.lab.ports[listener])


def test_device_listener_needs_a_certificate(kit):
    assert handshake_fails(kit.anonymous().context, kit.lab.ports['device'])
    assert kit.device('dev1')('GET', base('dev1')).status == 200


@pytest.mark.parametrize('listener', ['device', 'operator'])
def test_certificates_of_a_foreign_ca_are_refused(kit, listener):
    key, cert = kit.dir / 'foreign.key', kit.dir / 'foreign.crt'
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
            '-out', cert, '-days', '1', '-subj', '/OU=device/CN=dev1')
    client = Client(kit.lab.ports[listener], kit.ca, cert, key)
    assert handshake_fails(client.context, kit.lab.ports[listener])


def test_a_device_is_only_itself(kit):
    answer = kit.device('dev1')('GET', base('dev2'))
    assert answer.status == 403 and 'dev1' in answer.json['message']
    assert kit.device('dev1')('PUT', base('dev2') + '/configData', {'data': {}}).status == 403


def test_roles_do_not_mix(kit):
    assert kit.device('dev1', 'operator')('GET', '/rest/v1/targets').status == 401
    assert kit.anonymous()('GET', '/rest/v1/targets').status == 401
    assert kit.operator('device')('GET', base('dev1')).status == 403
    # What is on one listener is not on the other.
    assert kit.operator()('GET', base('dev1')).status == 404
    assert kit.device('dev1')('GET', '/rest/v1/targets').status == 404


def test_revocation_works_at_once(kit):
    kit.enrol('gone')
    device = kit.device('gone')
    assert device('GET', base('gone')).status == 200
    assert kit.operator()('DELETE', '/rest/v1/pawl/enrolments/gone').status == 200
    answer = device('GET', base('gone'))  # the same connection
    assert answer.status == 403 and 'revoked' in answer.json['message']


def test_an_older_certificate_of_the_same_device_is_refused(kit):
    kit.enrol('renewed')
    old = kit.device('renewed')
    token = kit.operator()('POST', '/rest/v1/targets/renewed/enrolment').json['token']
    assert old('GET', base('renewed')).status == 200  # good until the next one is issued
    folder = kit.dir / 'second'
    folder.mkdir()
    key, csr = server_kit.make_csr(folder, 'renewed', 'renewed')
    body = {'controllerId': 'renewed', 'token': token, 'csr': csr}
    assert kit.anonymous()('POST', '/pawl/v1/enrol', body).status == 202
    kit.lab.pawl('device', 'approve', '--all')
    issued = kit.anonymous()('POST', '/pawl/v1/enrol', body)
    assert issued.status == 200
    (folder / 'renewed.crt').write_text(issued.json['certificate'])
    new = Client(kit.lab.ports['device'], kit.ca, folder / 'renewed.crt', key)
    assert new('GET', base('renewed')).status == 200
    assert old('GET', base('renewed')).status == 403


def test_enrolment_refusals(kit):
    operator = kit.operator()
    operator('POST', '/rest/v1/targets', [{'controllerId': 'e1'}])
    token = operator('POST', '/rest/v1/targets/e1/enrolment').json['token']
    _, csr = server_kit.make_csr(kit.dir, 'e1', 'e1')
    _, other = server_kit.make_csr(kit.dir, 'e1b', 'e1')
    ask = kit.anonymous()

    def enrol(**changes):
        return ask('POST', '/pawl/v1/enrol', {'controllerId': 'e1', 'token': token, 'csr': csr, **changes})

    unknown = enrol(controllerId='nobody', csr=server_kit.make_csr(kit.dir, 'n', 'nobody')[1])
    wrong = enrol(token='0' * 48)
    assert unknown.status == wrong.status == 401 and unknown.body == wrong.body
    assert enrol(controllerId='e2').status == 400  # the CSR says e1
    assert enrol(csr='nonsense').status == 400
    assert enrol(csr=csr[:100] + 'AAAA' + csr[104:]).status == 400  # its signature is broken
    assert enrol(token=5).status == 400 and '`token`' in enrol(token=5).json['message']
    assert enrol().status == 202
    assert enrol().status == 202  # asking again changes nothing
    assert enrol(csr=other).status == 409
    pending = operator('GET', '/rest/v1/pawl/enrolments?state=pending').json
    assert [entry['controllerId'] for entry in pending] == ['e1'] and pending[0]['csr'] == csr
    # A certificate for another key, or of nobody, is not taken.
    put = operator('PUT', '/rest/v1/pawl/enrolments/e1', {'certificate': (kit.dir / 'dev1.crt').read_text()})
    assert put.status == 409
    assert operator('PUT', '/rest/v1/pawl/enrolments/e1', {'certificate': 'x'}).status == 400
    void = operator('POST', '/rest/v1/targets/e1/enrolment').json['token']
    assert void != token and enrol().status == 401  # the older token is void


def test_silent_and_slow_peers_end(kit):
    """Deadlines themselves are tested in lib/http; here: that settings reach them."""
    kit.lab.configure_server(**{'handshake-timeout-s': '200ms', 'header-timeout-s': '200ms',
                                'idle-timeout-s': '400ms', 'body-grace-s': '200ms'})
    assert kit.lab.stop_server() == 0
    kit.lab.start_server()
    port = kit.lab.ports['operator']
    with socket.create_connection(('127.0.0.1', port), timeout=20) as silent:
        assert silent.recv(1) == b''
    with kit.operator().raw() as slow:
        slow.sendall(b'GET /rest/v1/tar')
        assert b' 408 ' in slow.recv(4096)
    with kit.operator().raw() as slow:
        slow.sendall(b'POST /rest/v1/targets HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n[')
        assert b' 408 ' in slow.recv(4096)
    log = kit.lab.dir / 'server.log'
    wait_for(lambda: 'handshake-timeout' in log.read_text(), 10, 'the log names the deadline')


def test_oversized_requests_are_refused(kit):
    with kit.operator().raw() as rude:
        rude.sendall(b'GET /rest/v1/targets HTTP/1.1\r\nHost: h\r\nX: ' + b'a' * 20000)
        assert b' 431 ' in rude.recv(4096)
    with kit.operator().raw() as rude:
        rude.sendall(b'POST /rest/v1/targets HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n')
        assert b' 413 ' in rude.recv(4096)
    with kit.anonymous().raw() as rude:
        rude.sendall(b'POST /pawl/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n')
        assert b' 413 ' in rude.recv(4096)
