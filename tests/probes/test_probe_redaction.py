"""What a record and a diagnosis must not tell of a machine and its user."""

import json

import pytest

from advisor.probes.assemble import probe
from advisor.probes.record import RecordingHost, ReplayHost
from advisor.probes.redaction import Names, names_of, redact
from tests.probes.machines import MACHINES
from tests.probes.probe_trees import Tree, meminfo, pci, said, x86


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("10.12.0.7", "0.0.0.0"),
        ("host 192.168.178.23:8080", "host 0.0.0.0:8080"),
        ("127.0.0.1:11434", "127.0.0.1:11434"),
        ("fe80::1c2d:3eff:fe4a:5b6c", "fe80::"),
        ("2001:db8:0:1::17", "fe80::"),
        ("driver 580.65.06", "driver 580.65.06"),
        ("5.15.167.4-microsoft-standard-WSL2", "5.15.167.4-microsoft-standard-WSL2"),
        ("0000:01:00.0 10de:2684", "0000:01:00.0 10de:2684"),
        ("0::/user.slice", "0::/user.slice"),
        ("/home/jane/models /Users/jane/x", "/home/user/models /Users/user/x"),
        (r"C:\Users\jane\AppData", r"C:\Users\user\AppData"),
        ("aa:bb:cc:dd:ee:ff", "00:00:00:00:00:00"),
    ],
)
def test_shapes(secret, shown):
    assert redact(secret, Names()) == shown


def test_names_of_user_and_host_go_wherever_they_stand():
    names = Names(homes=("/srv/people/jane",), user="jane", host="falcon7")
    text = "/srv/people/jane/hub /data/jane_models jane-app.service /run/user/jane falcon7.acme FALCON7 janeiro"
    assert (
        redact(text, names) == "/home/user/hub /data/user_models user-app.service /run/user/user host.acme host janeiro"
    )


@pytest.mark.parametrize(
    ("environ", "host", "expected"),
    [
        ({"HOME": "/home/jane"}, "falcon7", ("jane", "falcon7")),
        ({"HOME": "/root"}, "localhost", (None, None)),
        ({"USERPROFILE": "C:\\Users\\Max Muster"}, "", ("Max Muster", None)),
        ({"USER": "al"}, "amd", (None, None)),
        ({"HOME": "/home/ubuntu"}, "epyc", (None, None)),
    ],
    ids=["plain", "root", "windows", "too short", "named after the hardware"],
)
def test_which_names_tell_something(environ, host, expected):
    answers = {"read": {"/proc/sys/kernel/hostname": host, "/proc/cpuinfo": "model name: AMD EPYC 7763"}}
    names = names_of(environ, answers)
    assert (names.user, names.host) == expected


def test_screens_of_a_mac_are_left_out(tree):
    displays = {
        "SPDisplaysDataType": [
            {
                "sppci_model": "Apple M3 Max", "sppci_cores": "30", "spdisplays_mtlgpufamilysupport": "x",
                "spdisplays_ndrvs": [{"_name": "Jane's Studio Display", "spdisplays_display-serial-number": "C02XJ0"}],
            }
        ]
    }  # fmt: skip
    description = MACHINES["m3 max"][0]
    description = description | Tree(
        commands={"system_profiler -json SPDisplaysDataType": said(json.dumps(displays))},
        answers={"psutil": {"total": 1 << 35, "available": 1 << 34, "machine": "arm64", "node": "janes-mac.local"}},
    )
    host = RecordingHost(tree(description))
    live = probe(None, host).machine
    text = json.dumps(host.document())
    for secret in ("Jane", "C02XJ0", "janes-mac"):
        assert secret not in text
    again = probe(None, ReplayHost(json.loads(text))).machine
    assert again.accelerators == live.accelerators


def test_servers_of_mounts_are_left_out_and_disks_play_back(tree):
    df = "Filesystem 1024-blocks Used Available Capacity Mounted on\nfiler.acme:/vol 1000 400 600 40% /hf\n"
    description = x86() | meminfo(8, 4) | Tree(
        files={
            "/hf/hub/x": "",
            "/proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/mapper/acme-root rw\n"
            "2 1 0:9 / /hf ro - nfs4 filer.acme:/vol ro,addr=10.1.2.3\n3 1 0:7 / /srv/acme rw - tmpfs x rw\n",
        },
        environ={"HF_HOME": "/hf"},
        commands={"df -Pk /hf/hub": said(df)},
    )  # fmt: skip
    host = RecordingHost(tree(description))
    live = probe(None, host).machine
    text = json.dumps(host.document())
    assert "acme" not in text
    assert "10.1.2.3" not in text
    assert live.disks[0].free_bytes == 600 * 1024
    assert probe(None, ReplayHost(json.loads(text))).machine.disks == live.disks


def test_a_diagnosis_is_redacted_like_a_record(tree):
    from advisor.probes.document import with_texts

    group = "/kubepods/pod3f2a1b4c-1111-2222-3333-444455556666/" + "ab12" * 16
    files = {
        "/proc/self/mountinfo": "36 32 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
        "/proc/self/cgroup": f"0::{group}\n",
        f"/sys/fs/cgroup{group}/memory.max": f"{2 << 30}\n",
        "/proc/sys/kernel/hostname": "falcon7\n",
    }
    card = pci("0000:01:00.0", "10de:2684")
    host = RecordingHost(tree(x86() | meminfo(8, 4) | card | Tree(files=files)))
    machine = probe(None, host).machine
    assert "3f2a1b4c" in machine.memory.sources["limit_bytes"]
    shown = str(with_texts(machine, host.redact))
    for secret in ("3f2a1b4c", "ab12ab12", "falcon7"):
        assert secret not in shown
