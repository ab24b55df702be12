"""Who gets in: judged by curl and openssl, which nobody here wrote."""
import json
import subprocess

import intruder
import lab as labs
import pytest


def curl(lab, *arguments, port='device'):
    url = f"https://127.0.0.1:{lab.ports[port]}/DEFAULT/controller/v1/nobody"
    return subprocess.run(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '10',
                           '--cacert', lab.repo / 'ca/ca.pem', *arguments, url], capture_output=True, text=True,
                          check=False)


@pytest.fixture(scope='module', name='foreign')
def certificate_of_another_ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp('foreign')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', folder / 'key.pem', '-out', folder / 'cert.pem', '-days', '2',
                    '-subj', '/OU=device/CN=nobody'], check=True, capture_output=True)
    return folder


def test_no_certificate_is_refused(lab):
    result = curl(lab)
    assert result.returncode != 0 and result.stdout == '000', result


def test_wrong_certificate_is_refused(lab, foreign):
    result = curl(lab, '--cert', foreign / 'cert.pem', '--key', foreign / 'key.pem')
    assert result.returncode != 0 and result.stdout == '000', result


def test_tls_1_2_is_refused(lab):
    for port in ('device', 'operator'):
        result = curl(lab, '--tls-max', '1.2', port=port)
        assert result.returncode == 35, result


def test_operator_certificate_is_no_device(lab):
    result = curl(lab, '--cert', lab.repo / 'ca/operator.pem', '--key', lab.repo / 'keys/operator.pem')
    assert result.stdout == '403', result


def test_operator_listener_wants_credentials(lab):
    url = f"https://127.0.0.1:{lab.ports['operator']}/rest/v1/targets"
    result = subprocess.run(['curl', '-sS', '-w', '\n%{http_code}', '--cacert', lab.repo / 'ca/ca.pem', url],
                            capture_output=True, text=True, check=True)
    body, code = result.stdout.rsplit('\n', 1)
    assert code == '401'
    assert 'message' in json.loads(body)


def test_pins_of_init_are_the_servers(lab):
    assert intruder.pin_of(lab.server_dir / 'tls.pem') == lab.pins[0]
    assert len(set(lab.pins)) == 2


def test_agent_with_wrong_pins_refuses_the_server(lab):
    image = lab.build_image('1.0.0', 1, 'gw-a')
    real = lab.pins
    lab.pins = ['A' * 43 + '=', 'B' * 43 + '=']
    try:
        device = lab.add_device('pinned', 'gw-a', image, '1.0.0', 1)
    finally:
        lab.pins = real
    labs.wait_for(lambda: 'pin' in device.console(200), 60, 'the agent says that the pin is wrong')
    listed = {d['controllerId']: d for d in lab.list_devices()}
    assert listed['pinned']['pawl']['enrolment'] != 'issued'
    assert lab.pawl_json('device', 'show', 'pinned')['pawl']['version'] in ('', None)
