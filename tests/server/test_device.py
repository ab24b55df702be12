"""DDI with raw requests: poll, attributes, deployment, feedback, cancel, download."""
import hashlib

import pytest
import server_kit
from server_kit import base, feedback, path_of

CONTENT = bytes(range(256)) * 4000
GOOD_HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope='module', name='release')
def published(kit):
    kit.enrol('dev1')
    return kit.release('1.0.0', 1, CONTENT)


def poll(kit, name='dev1'):
    answer = kit.device(name)('GET', base(name))
    assert answer.status == 200
    assert 'content-length' in answer.headers and 'transfer-encoding' not in answer.headers
    return answer.json


def assign(kit, release, name='dev1'):
    answer = kit.operator()('POST', f'/rest/v1/targets/{name}/assignedDS', {'id': release, 'type': 'forced'})
    assert answer.status == 200, answer.body
    return answer.json['assignedActions'][0]['id']


def state(kit, name='dev1'):
    return kit.operator()('GET', f'/rest/v1/targets/{name}').json['pawl']['state']


def test_a_life_of_one_update(kit, release):
    device = kit.device('dev1')
    first = poll(kit)
    assert first['config']['polling']['sleep'].count(':') == 2
    host = f"https://127.0.0.1:{kit.lab.ports['device']}"
    assert first['_links']['pawlMetadata']['href'] == host + '/pawl/v1/repository/metadata/'
    assert 'deploymentBase' not in first['_links']
    attributes = {'pawl.product': 'acme', 'pawl.hw': 'gw-a', 'pawl.image_sha256': '0' * 64}
    assert device('PUT', base('dev1') + '/configData', {'mode': 'merge', 'data': attributes}).status == 200
    assert kit.operator()('GET', '/rest/v1/targets/dev1/attributes').json == attributes
    assert 'configData' not in poll(kit)['_links']  # gone from the very next poll

    action = assign(kit, release)
    assert action >= 11
    href = poll(kit)['_links']['deploymentBase']['href']
    assert f'/deploymentBase/{action}?c=' in href
    deployment = device('GET', path_of(href)).json
    assert deployment['id'] == str(action)
    assert deployment['deployment']['download'] == deployment['deployment']['update'] == 'forced'
    chunk = deployment['deployment']['chunks'][0]
    artifact = chunk['artifacts'][0]
    assert (chunk['version'], chunk['name']) == ('1.0.0', 'acme-gw-a')
    assert artifact['filename'] == '1.0.0.gw-a.img' and artifact['size'] == len(CONTENT)
    assert artifact['hashes'] == {kind: hashlib.new(kind, CONTENT).hexdigest() for kind in ('sha1', 'md5', 'sha256')}

    url = path_of(artifact['_links']['download-http']['href'])
    got = device('GET', url)
    assert got.body == CONTENT and got.headers['etag'] == f"\"{artifact['hashes']['sha1']}\""
    md5 = device('GET', path_of(artifact['_links']['md5sum-http']['href'])).body.decode()
    assert md5 == f"{artifact['hashes']['md5']}  1.0.0.gw-a.img"

    url = base('dev1') + f'/deploymentBase/{action}/feedback'
    assert device('POST', url, feedback('proceeding', details=['staged'])).status == 200
    done = device('POST', url, feedback('closed', 'success', ['done']))
    assert done.status == 200 and done.body == b'' and done.headers['content-length'] == '0'
    assert state(kit) == 'verifying'  # a claim, not yet a proof
    assert 'configData' in poll(kit)['_links']
    device('PUT', base('dev1') + '/configData', {'data': {'pawl.image_sha256': GOOD_HASH}})
    assert state(kit) == 'idle'
    assert kit.operator()('GET', '/rest/v1/targets/dev1/installedDS').json['id'] == release
    assert device('GET', base('dev1') + f'/installedBase/{action}').json['id'] == str(action)
    assert device('POST', url, feedback('closed', 'success')).status == 410
    history = kit.operator()('GET', f'/rest/v1/targets/dev1/actions/{action}/status').json
    assert any('staged' in entry['messages'] for entry in history['content'])


def test_cancel(kit, release):
    kit.enrol('dev2')
    device = kit.device('dev2')
    device('PUT', base('dev2') + '/configData', {'data': {'pawl.hw': 'gw-a'}})
    action = assign(kit, release, 'dev2')
    device('GET', path_of(poll(kit, 'dev2')['_links']['deploymentBase']['href']))
    assert device('POST', base('dev2') + f'/cancelAction/{action}/feedback', feedback('closed')).status == 405
    assert kit.operator()('DELETE', f'/rest/v1/targets/dev2/actions/{action}').status == 204
    links = poll(kit, 'dev2')['_links']
    assert 'deploymentBase' not in links and '?' not in links['cancelAction']['href']
    assert device('GET', path_of(links['cancelAction']['href'])).json == {
        'id': str(action), 'cancelAction': {'stopId': str(action)}}
    accepted = device('POST', path_of(links['cancelAction']['href']) + '/feedback', feedback('closed', 'success'))
    assert accepted.status == 200
    assert 'cancelAction' not in poll(kit, 'dev2')['_links']


def artifact_url(kit, release):
    modules = kit.operator()('GET', f'/rest/v1/distributionsets/{release}').json['modules']
    return base('dev1') + f"/softwaremodules/{modules[0]['id']}/artifacts/1.0.0.gw-a.img"


def test_ranges(kit, release):
    device, url, size = kit.device('dev1'), artifact_url(kit, release), len(CONTENT)
    for header, first, last in (('bytes=0-9', 0, 9), ('bytes=100-', 100, size - 1), ('bytes=-7', size - 7, size - 1),
                                (f'bytes=5-{size + 50}', 5, size - 1)):
        part = device('GET', url, headers={'Range': header})
        assert part.status == 206 and part.body == CONTENT[first:last + 1]
        assert part.headers['content-range'] == f'bytes {first}-{last}/{size}'
    beyond = device('GET', url, headers={'Range': f'bytes={size}-'})
    assert beyond.status == 416 and beyond.headers['content-range'] == f'bytes */{size}'
    assert device('GET', url, headers={'Range': 'lines=1-2'}).status == 200
    head = device('HEAD', url)
    assert head.status == 200 and head.headers['content-length'] == str(size) and head.body == b''
    etag = head.headers['etag']
    assert device('GET', url, headers={'Range': 'bytes=0-9', 'If-Range': etag}).status == 206
    assert device('GET', url, headers={'Range': 'bytes=0-9', 'If-Range': '"other"'}).status == 200
    assert device('GET', url, headers={'If-None-Match': etag}).status == 304
    assert device('GET', url).status == 200  # the connection is still in order


def test_artifacts_are_only_for_whom_they_are_meant(kit, release):
    kit.enrol('stranger')
    url = artifact_url(kit, release).replace('dev1', 'stranger')
    assert kit.device('stranger')('GET', url).status == 404


@pytest.mark.parametrize('body, word', [
    ('{', 'JSON'), ('[]', 'object'), ('{}', 'execution'), ({'status': {'execution': 'never'}}, 'execution'),
    ({'status': {'execution': 'closed', 'result': {'finished': 'maybe'}}}, 'finished')])
def test_bad_feedback_names_the_field(kit, release, body, word):
    answer = kit.device('dev1')('POST', base('dev1') + '/deploymentBase/11/feedback', body)
    assert answer.status == 400 and word.lower() in answer.json['message'].lower()


def test_bad_attributes(kit, release):
    put = lambda body: kit.device('dev1')('PUT', base('dev1') + '/configData', body)  # noqa: E731
    assert put({'mode': 'explode', 'data': {}}).status == 400
    assert put({'data': {'k' * 129: 'v'}}).status == 400
    assert put({'data': {'k': 'v' * 129}}).status == 400
    assert put({'data': {f'k{i}': 'v' for i in range(101)}}).status == 429
    assert put('{"data":{"a":"1","a":"2"}}').status == 400


def test_unknown_things_are_404(kit, release):
    device = kit.device('dev1')
    for path in ('/deploymentBase/999', '/deploymentBase/0', '/deploymentBase/x', '/cancelAction/11', '/installedBase/7',
                 '/confirmationBase', '/softwaremodules/99/artifacts', '/nothing'):
        assert device('GET', base('dev1') + path).status == 404, path
    assert device('GET', '/other/controller/v1/dev1').status == 404
    assert device('GET', '/default/controller/v1/dev1').status == 200


def test_host_header_is_checked(kit):
    answer = kit.device('dev1')('GET', base('dev1'), headers={'Host': 'a b/"'})
    assert answer.status == 400


def test_action_history(kit, release):
    kit.enrol('talker')
    device = kit.device('talker')
    action = assign(kit, release, 'talker')
    url = path_of(poll(kit, 'talker')['_links']['deploymentBase']['href'])
    device('GET', url)
    device('POST', base('talker') + f'/deploymentBase/{action}/feedback',
           feedback('proceeding', details=['one', 'two\n"three"']))
    history = device('GET', url + '&actionHistory=10').json['actionHistory']
    assert 'two "three"' in history['messages'] and server_kit.labs.PRODUCT
