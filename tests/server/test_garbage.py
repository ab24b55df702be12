"""Mutated requests on both listeners: every one is answered or ended, none harms the server."""
import random

import pytest

from server_kit import base

SEEDS = [
    b'GET /DEFAULT/controller/v1/dev1 HTTP/1.1\r\nHost: h\r\n\r\n',
    b'PUT /DEFAULT/controller/v1/dev1/configData HTTP/1.1\r\nHost: h\r\nContent-Length: 24\r\n\r\n'
    b'{"mode":"merge","data":1}',
    b'POST /DEFAULT/controller/v1/dev1/deploymentBase/11/feedback HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked'
    b'\r\n\r\n24\r\n{"status":{"execution":"proceeding"}}\r\n0\r\n\r\n',
    b'GET /pawl/v1/repository/metadata/1.root.json HTTP/1.1\r\nHost: h\r\nRange: bytes=0-10\r\n\r\n',
    b'POST /rest/v1/targets HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n[{"controllerId":"z"}]',
    b'POST /rest/v1/rollouts HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n'
    b'{"name":"r","groups":[{"targetPercentage":',
    b'PUT /rest/v1/pawl/repository/metadata/5.snapshot.json HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}',
    b'POST /pawl/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 44\r\n\r\n{"controllerId":"a","token":"b","csr":"---"}',
]


def mutate(chance, seed):
    data = bytearray(seed)
    for _ in range(chance.randrange(1, 6)):
        kind, at = chance.randrange(5), chance.randrange(len(data) or 1)
        if kind == 0:
            data[at:at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[at:at + chance.randrange(1, 12)]
        elif kind == 2:
            data[at:at] = data[at:at + chance.randrange(1, 40)]
        elif kind == 3:
            data[at:at] = chance.choice([b'\r\n', b'%00', b'..', b'-1', b'99999999999999999999', b'\0', b'{', b'"'])
        else:
            other = chance.choice(SEEDS)
            data[at:] = other[chance.randrange(len(other)):]
    return bytes(data)


@pytest.mark.parametrize('listener', ['device', 'operator'])
@pytest.mark.parametrize('seed', range(3))
def test_garbage(kit, listener, seed):
    if seed == 0 and listener == 'device':
        kit.enrol('dev1')
    chance = random.Random(f'{listener}{seed}')
    client = kit.device('dev1') if listener == 'device' else kit.operator()
    for _ in range(150):
        with client.raw() as stream:
            try:
                for _ in range(chance.randrange(1, 4)):
                    stream.sendall(mutate(chance, chance.choice(SEEDS)))
                stream.settimeout(0.01)
                answer = stream.recv(4096)
                assert answer == b'' or answer.startswith(b'HTTP/1.1 ')
            except OSError:
                pass  # the server ended it, or waits for more: both are right
    assert kit.lab.server.poll() is None
    assert kit.device('dev1')('GET', base('dev1')).status == 200
    assert kit.operator()('GET', '/rest/v1/targets').status == 200
