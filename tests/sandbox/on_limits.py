"""Classes 9 to 11: more memory, more time, more disk and more output than allowed."""

from __future__ import annotations

from tests.nightly import NIGHTLY
from tests.sandbox.attack import MINIMAL, PARTIAL, Attack

MB = 1 << 20
_SMALL = {"memory": 64 * MB, "wall": 5.0}
_SHORT = {"cpu": 0.5 if NIGHTLY else 0.15, "wall": 8.0}
_TOO_MUCH = ("memory_limit", "failed", "killed", "passed")
_TOO_LONG = ("cpu_limit", "timeout")

MEMORY = [
    Attack(
        "one large list",
        9,
        """
kept = []
for _ in range(300): kept.append(bytearray(b'x') * (1 << 20))
breach('300 MB')
""",
        ends=("memory_limit",),
        limits=_SMALL,
    ),
    Attack(
        "one allocation",
        9,
        "x = b'x' * (1 << 29); breach(len(x))",
        ends=("memory_limit",),
        limits=_SMALL,
    ),
    Attack(
        "many small children",
        9,
        """
for _ in range(16):
    if attempt(os.fork) == 0:
        kept = bytearray(b'x') * (20 << 20)
        time.sleep(3); breach('all of it'); os._exit(0)
time.sleep(2.5)
if not p['plain']: os._exit(5)
""",
        ends=("memory_limit", "failed"),
        limits={"memory": 96 * MB, "wall": 4.0},
    ),
    Attack(
        "a string that doubles in bash",
        9,
        "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; [ ${#x} -gt 400000000 ] && { echo BREACH; exit; }; done",
        "bash",
        ends=_TOO_MUCH,
        limits={"memory": 64 * MB, "wall": 4.0},
    ),
    Attack(
        "anonymous files",
        9,
        """
made = 0
for n in range(60):
    r, e = call(319, b'x', 0)
    if r < 0: break
    for _ in range(8):
        try: made += os.write(r, bytes(1 << 20))
        except OSError: break
if made > 200 << 20: breach(made)
""",
        ends=_TOO_MUCH,
        limits=_SMALL,
    ),
    Attack(
        "System V shared memory",
        9,
        """
made = 0
for n in range(8):
    r, e = call(29, 0, 64 << 20, 0o1600)
    if r >= 0:
        breach('shmget'); call(31, r, 0, 0)
for number, args in ((64, (0, 100, 0o1600)), (68, (0, 0o1600)), (240, (b'q', 0o102, 0o600, 0))):
    r, e = call(number, *args)
    if r >= 0:
        breach(number)
        if number == 64: call(66, r, 0, 0)
        if number == 68: call(71, r, 0, 0)
        if number == 240: call(241, b'q')
""",
        ends=_TOO_MUCH,
        limits=_SMALL,
    ),
    Attack(
        "shared pages that are let go again",
        9,
        """
import mmap
kept = []
for _ in range(16):
    m = mmap.mmap(-1, 16 << 20)
    for place in range(0, 16 << 20, 4096): m[place] = 1
    m.madvise(mmap.MADV_DONTNEED)
    kept.append(m)
breach('256 MB of nobody')
""",
        ends=_TOO_MUCH,
        limits=_SMALL,
        levels=(PARTIAL, MINIMAL),
    ),
    Attack(
        "huge pages and locked pages",
        9,
        """
libc = C; libc.mmap.restype = ctypes.c_void_p
m = libc.mmap(None, ctypes.c_size_t(2 << 20), 3, 0x22 | 0x40000, -1, ctypes.c_long(0))
if m not in (None, ctypes.c_void_p(-1).value): breach('huge page')
import mmap
buffer = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
r, e = call(149, ctypes.addressof(ctypes.c_char.from_buffer(buffer)), 1 << 20)
if r == 0: breach('mlock')
r, e = call(151, 3)
if r == 0: breach('mlockall')
""",
    ),
    Attack(
        "memory behind sockets and pipes",
        9,
        """
made, kept = 0, []
try:
    while made < 300 << 20:
        a, b = socket.socketpair(); a.setblocking(False); kept += [a, b]
        try:
            while True: made += a.send(bytes(65536))
        except BlockingIOError: pass
    breach(made)
except OSError: pass
""",
        ends=_TOO_MUCH,
        limits=_SMALL,
    ),
    Attack(
        "memory of a child that hides",
        9,
        """
if os.fork() == 0:
    C.prctl(4, 0, 0, 0, 0)
    os.setsid()
kept = []
for _ in range(150):
    kept.append(bytearray(b'x') * (1 << 20)); time.sleep(0.002)
breach('300 MB')
""",
        ends=("memory_limit",),
        limits=_SMALL,
    ),
]

TIME = [
    Attack("a busy loop", 10, "while True: pass", ends=_TOO_LONG, limits=_SHORT, harmful=True),
    Attack(
        "a busy loop of bash",
        10,
        "while :; do :; done",
        "bash",
        ends=_TOO_LONG,
        limits=_SHORT,
        harmful=True,
    ),
    Attack(
        "a loop that ignores every signal",
        10,
        """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
        ends=_TOO_LONG,
        limits=_SHORT,
        harmful=True,
    ),
    Attack("sleep", 10, "time.sleep(60)", ends=("timeout",), limits={"wall": 0.4}, harmful=True),
    Attack(
        "sleep in bash",
        10,
        "read -t 60 < <(:) || while :; do read -t 1 <> <(:); done",
        "bash",
        ends=("timeout", "failed", "cpu_limit"),
        limits={"wall": 0.6, "cpu": 2.0},
        harmful=True,
    ),
    Attack(
        "processor time spread over forks",
        10,
        """
while True:
    try: pid = os.fork()
    except OSError: continue
    if pid == 0:
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        os._exit(0)
    os.waitpid(pid, 0)
""",
        ends=_TOO_LONG,
        limits=_SHORT,
        harmful=True,
    ),
    Attack(
        "processor time of children nobody waits for",
        10,
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try: pid = os.fork()
    except OSError: time.sleep(0.01); continue
    if pid == 0:
        end = time.process_time() + 0.15
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.08)
""",
        ends=_TOO_LONG,
        limits={"cpu": 0.5 if NIGHTLY else 0.3, "wall": 6.0},
        harmful=True,
    ),
    Attack(
        "one expression that never ends",
        10,
        "9 ** 9 ** 9 ** 9",
        ends=("timeout", "cpu_limit", "memory_limit"),
        limits=_SHORT,
        harmful=True,
    ),
    Attack(
        "the compiler as a bomb",
        10,
        "eval('(' * 99 + '1' + ')' * 99 + '**9' * 9999)",
        ends=("timeout", "cpu_limit", "memory_limit", "failed", "killed"),
        limits=_SHORT,
        harmful=True,
    ),
    Attack(
        "limits raised again",
        10,
        """
import resource
for limit in (0, 1, 2, 4, 6, 7, 8, 9):
    if resource.getrlimit(limit)[1] == resource.RLIM_INFINITY and not p['plain']: continue
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if resource.getrlimit(limit)[0] == resource.RLIM_INFINITY: breach(limit)
    except (OSError, ValueError): pass
""",
    ),
]

FLOODS = [
    Attack(
        "a file larger than the folder",
        11,
        """
made = 0
try:
    with open('big', 'wb') as file:
        while made < 200 << 20: made += file.write(bytes(1 << 20))
except OSError: os._exit(6)
breach(made)
""",
        ends=("disk_limit", "failed"),
        limits={"disk": 4 * MB},
    ),
    Attack(
        "many files larger than the folder",
        11,
        """
made = 0
try:
    for n in range(500):
        with open(f'f{n}', 'wb') as file: made += file.write(bytes(1 << 18))
except OSError: os._exit(6)
breach(made)
""",
        ends=("disk_limit",),
        limits={"disk": 4 * MB},
    ),
    Attack(
        "a sparse giant",
        11,
        """
try:
    with open('big', 'wb') as file: file.truncate(1 << 40)
    breach('sparse')
except OSError: pass
""",
    ),
    Attack(
        "countless files",
        11,
        """
for n in range(60000): os.close(os.open(f'f{n}', os.O_CREAT | os.O_WRONLY))
breach('60000 files')
""",
        ends=("disk_limit", "failed"),
        limits={"files": 1000},
    ),
    Attack(
        "countless links and folders",
        11,
        """
for n in range(30000):
    os.symlink('x' * 200, f'l{n}'); os.mkdir(f'd{n}')
breach('60000 entries')
""",
        ends=("disk_limit", "failed"),
        limits={"files": 1000},
    ),
    Attack(
        "a file that was deleted and is still open",
        11,
        """
made = 0
try:
    for n in range(50):
        file = open('x', 'wb'); os.unlink('x'); globals()[f'keep{n}'] = file
        made += file.write(bytes(1 << 20)); file.flush()
    breach(made)
except OSError: os._exit(6)
""",
        ends=("disk_limit", "failed"),
        limits={"disk": 4 * MB},
    ),
    Attack(
        "endless output",
        11,
        "while True: os.write(1, b'x' * 65536)",
        ends=("output_limit",),
        harmful=True,
        limits={"wall": 8.0},
    ),
    Attack(
        "endless output on both pipes",
        11,
        """
if os.fork():
    while True: os.write(1, b'o' * 4096)
while True: os.write(2, b'e' * 4096)
""",
        ends=("output_limit",),
        harmful=True,
        limits={"wall": 8.0},
    ),
    Attack(
        "endless output of bash",
        11,
        "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
        "bash",
        ends=("output_limit",),
        harmful=True,
        limits={"wall": 15.0, "output": 100_000, "cpu": 12.0},
    ),
    Attack(
        "hostile bytes",
        11,
        r"os.write(1, bytes(range(256)) * 20 + b'\x1b[2J\x1b]52;c;eA==\x07\x00\xff'); os.write(2, b'\xff' * 1000)",
    ),
    Attack(
        "a burst of output at the end",
        11,
        "os.write(1, b'x' * 60000); os.write(2, b'y' * 60000); os._exit(0)",
        ends=("output_limit",),
        limits={"output": 50_000},
    ),
    Attack(
        "extended attributes",
        11,
        """
made = 0
open('x', 'w').close()
try:
    for n in range(3000):
        os.setxattr('x', f'user.a{n}', bytes(60000)); made += 60000
    if made > 100 << 20: breach(made)
except OSError: pass
""",
        ends=("passed", "disk_limit", "memory_limit"),
    ),
]

ATTACKS = [*MEMORY, *TIME, *FLOODS]
