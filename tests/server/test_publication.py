"""Publication over time: renewal, rotation, races, what may not be published twice."""
import hashlib
import shutil
import threading

import pytest
import server_kit
from server_kit import labs, wait_for

STAMP = '/pawl/v1/repository/metadata/timestamp.json'
UPLOAD = '/rest/v1/pawl/repository'


@pytest.fixture(scope='module', name='device')
def published(kit):
    kit.enrol('dev1')
    kit.release('1.0.0', 1, b'one' * 1000)
    return kit.device('dev1')


def stamp_of(device):
    return device('GET', STAMP).json['signed']


def restart(kit, device, **settings):
    assert kit.lab.stop_server() == 0
    kit.lab.configure_server(**settings)
    kit.lab.start_server()
    device.close()


def test_the_timestamp_is_renewed_while_the_server_runs(kit, device):
    restart(kit, device, **{'timestamp-renew-s': '1'})
    first = stamp_of(device)
    tag = device('GET', STAMP).headers['etag']
    later = wait_for(lambda: (lambda s: s if s['version'] >= first['version'] + 2 else None)(stamp_of(device)), 20,
                     'the timestamp is signed twice more')
    assert later['meta'] == first['meta'] and later['expires'] >= first['expires']
    assert device('GET', STAMP).headers['etag'] != tag
    assert kit.operator()('GET', '/rest/v1/pawl/status').json['metadata']['timestamp']['version'] >= later['version']
    restart(kit, device, **{'timestamp-renew-s': '12h'})
    assert stamp_of(device)['version'] > later['version']


def test_a_publication_whose_end_failed_is_completed_before_anything_is_signed(kit, device):
    """Else one version number would stand on two timestamps."""
    repository = kit.lab.server_dir / 'repository'
    stamp = repository / 'metadata/timestamp.json'
    older = stamp.read_bytes()
    restart(kit, device, **{'timestamp-renew-s': '1'})
    newer = wait_for(lambda: stamp.read_bytes() if stamp.read_bytes() != older else None, 20, 'a newer one')
    version = stamp_of(device)['version']
    pending = repository / 'pending'
    pending.mkdir()
    (pending / 'timestamp.json').write_bytes(newer)
    stamp.with_suffix('.new').write_bytes(older)
    stamp.with_suffix('.new').rename(stamp)
    pending.rename(repository / 'publishing')
    wait_for(lambda: not (repository / 'publishing').exists(), 20, 'the publication is complete')
    wait_for(lambda: stamp_of(device)['version'] > version, 20, 'and a newer timestamp follows')
    restart(kit, device, **{'timestamp-renew-s': '1h'})


def test_a_new_root_is_served_and_trusted(kit, device):
    kit.lab.pawl('repo', 'sign', 'root')
    kit.lab.pawl('repo', 'publish')
    served = device('GET', '/pawl/v1/repository/metadata/2.root.json')
    assert served.status == 200 and served.json['signed']['version'] == 2
    assert device('GET', '/pawl/v1/repository/metadata/1.root.json').status in (200, 404)
    assert kit.operator()('GET', '/rest/v1/pawl/status').json['metadata']['root']['version'] == 2
    snapshot = stamp_of(device)['meta']['snapshot.json']['version']
    older = kit.operator()('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': snapshot})
    assert older.status in (200, 409)
    restart(kit, device)
    assert kit.operator()('GET', '/rest/v1/pawl/status').json['metadata']['root']['version'] == 2


def test_uploads_may_race_with_publications(kit, device):
    content = {hashlib.sha256(data).hexdigest(): data for data in (b'race %d' % i * 500 for i in range(60))}
    statuses = []

    def upload():
        ask = kit.operator()
        for digest, data in content.items():
            statuses.append(ask('PUT', f'{UPLOAD}/targets/fw/acme/{digest}.race.img', data).status)

    uploader = threading.Thread(target=upload)
    uploader.start()
    for i in range(3):
        kit.release(f'2.{i}.0', 10 + i, b'two %d' % i * 1000)
    uploader.join()
    assert statuses == [200] * len(content)
    ask = kit.operator()
    for digest in content:
        assert ask('HEAD', f'{UPLOAD}/targets/fw/acme/{digest}.race.img').status == 200
    assert ask('GET', '/rest/v1/distributionsets').json['total'] == 4


def test_a_version_can_not_get_other_content(kit, device):
    """An operator's repository that was set back signs 3.0.0 a second time."""
    backup = kit.dir / 'backup'
    shutil.copytree(kit.lab.repo, backup, symlinks=True)
    kit.release('3.0.0', 30, b'first content' * 100)
    shutil.rmtree(kit.lab.repo)
    backup.rename(kit.lab.repo)
    image = kit.lab.images / 'other.img'
    image.write_bytes(b'second content' * 100)
    kit.lab.pawl('release', 'build', '--product', labs.PRODUCT, '--version', '3.0.0', '--seq', 30, '--sec', 1,
                 '--image', f'{server_kit.HARDWARE}={image}')
    for role in (f'prod-{labs.PRODUCT}', 'snapshot', 'snapshot'):
        kit.lab.pawl('repo', 'sign', role)
    before = stamp_of(device)
    refused = kit.lab.pawl('release', 'publish', check=False)
    text = refused.stdout + refused.stderr
    assert refused.returncode != 0 and '3.0.0' in text and 'new version' in text, text
    assert stamp_of(device) == before


def test_the_reason_for_a_refused_upload_arrives(kit, device):
    """Also at a client that sends all of the body first."""
    with kit.operator().raw() as rude:
        size = 12 * 1024 * 1024
        rude.sendall(f'PUT {UPLOAD}/metadata/7.root.json HTTP/1.1\r\nHost: h\r\n'
                     f'Content-Length: {size}\r\n\r\n'.encode())
        rude.sendall(b'x' * size)
        assert b' 413 ' in rude.recv(4096)


def test_events_of_the_fleet_are_pairs(kit, device):
    assert device('GET', server_kit.base('dev1')).status == 200

    def lines():
        return [line for line in (kit.lab.dir / 'server.log').read_text().splitlines() if ' enrolment.issued ' in line
                or ' device.state ' in line]

    wait_for(lines, 10, 'an event of the fleet is logged')
    assert all(' device=dev1' in line and 'detail=' not in line for line in lines()), lines()
