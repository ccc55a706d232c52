"""Classes 5 to 8: starting programs, hurting others, outliving the run, multiplying."""

from __future__ import annotations

from tests.nightly import NIGHTLY
from tests.sandbox.attack import EVERYWHERE, FULL, Attack

_BOMBING = {"wall": 1.0 if NIGHTLY else 0.4}
_ENDED = ("timeout", "process_limit", "failed", "passed", "cpu_limit", "memory_limit", "killed")

PROGRAMS = [
    Attack(
        "subprocess",
        5,
        """
import subprocess
for command in (['/usr/bin/printf', 'ran'], ['/bin/sh', '-c', 'echo ran'], [sys.executable, '-c', 'print("ran")']):
    done = attempt(lambda: subprocess.run(command, capture_output=True, text=True))
    if done and 'ran' in done.stdout: breach(command)
""",
        levels=(FULL,),
    ),
    Attack(
        "os.system and popen",
        5,
        "os.system('echo BREACH'); attempt(lambda: print(os.popen('echo BREACH').read()))",
        levels=(FULL,),
    ),
    Attack(
        "exec from bash", 5, "/usr/bin/printf BREACH; exec /bin/echo BREACH", "bash", levels=(FULL,)
    ),
    Attack(
        "the loader runs it from bash",
        5,
        "for l in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do $l /usr/bin/printf BREACH; done",
        "bash",
        levels=(FULL,),
    ),
    Attack(
        "the shell itself again",
        5,
        "bash -c 'echo BREACH'; $BASH -c 'echo BREACH'; (exec -a x bash -c 'echo BREACH')",
        "bash",
        levels=(FULL,),
    ),
    Attack(
        "every exec function, also in a fork",
        5,
        """
for way in (lambda: os.execv('/usr/bin/printf', ['printf', 'BR%s', 'EACH']),
            lambda: os.execve('/lib64/ld-linux-x86-64.so.2', ['ld', '/usr/bin/printf', 'BR%s', 'EACH'], {}),
            lambda: os.execv(os.open('/usr/bin/printf', os.O_RDONLY), ['printf', 'BR%s', 'EACH']),
            lambda: os.posix_spawn('/usr/bin/printf', ['printf', 'BR%s', 'EACH'], {})):
    pid = os.fork()
    if pid == 0:
        attempt(way); os._exit(0)
    os.waitpid(pid, 0)
""",
        levels=(FULL,),
    ),
    Attack(
        "execve and execveat with made-up arguments",
        5,
        """
path = ctypes.create_string_buffer(b'/usr/bin/printf')
argv = (ctypes.c_char_p * 4)(b'printf', b'BR%s', b'EACH', None); envp = (ctypes.c_char_p * 1)(None)
for number, args in ((59, (path, argv, envp)), (322, (-100, path, argv, envp, 0)),
                     (322, (os.open('/usr/bin/printf', os.O_PATH), b'', argv, envp, 0x1000))):
    if os.fork() == 0:
        print(call(number, *args)); os._exit(0)
    os.wait()
""",
        levels=(FULL,),
    ),
    Attack(
        "own script with a shebang",
        5,
        """
open('tool', 'w').write('#!/bin/echo BREACH\\n'); os.chmod('tool', 0o755)
attempt(lambda: os.posix_spawn('./tool', ['tool'], {})); attempt(os.waitpid, -1, 0)
""",
        levels=(FULL,),
    ),
    Attack(
        "a copied program",
        5,
        """
import shutil
shutil.copy('/usr/bin/printf', 'mine'); os.chmod('mine', 0o755)
attempt(lambda: os.posix_spawn('./mine', ['printf', 'BR%s', 'EACH'], {})); attempt(os.waitpid, -1, 0)
""",
        levels=(FULL,),
    ),
    Attack(
        "a program in memory",
        5,
        """
r, e = call(319, b'x', 0)
if r >= 0:
    os.write(r, open('/usr/bin/printf', 'rb').read())
    attempt(lambda: os.posix_spawn(f'/proc/self/fd/{r}', ['printf', 'BR%s', 'EACH'], {})); attempt(os.waitpid, -1, 0)
""",
        levels=(FULL,),
    ),
    Attack(
        "calls of the 32-bit machine",
        5,
        """
import mmap
m = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
m.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')  # mov eax, getpid; int 0x80; ret
address = ctypes.addressof(ctypes.c_char.from_buffer(m))
if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0: breach('32-bit')
""",
        levels=EVERYWHERE,
    ),
    Attack(
        "calls with x32 numbers",
        5,
        "r, e = call(0x40000000 + 39)\nif r >= 0: breach('x32')\ncall(0x40000000 + 520, b'/bin/true', 0, 0)\n",
    ),
    Attack(
        "bash extensions and tricks",
        5,
        """
enable -f /usr/lib/bash/fdflags fdflags 2>/dev/null
coproc /bin/echo BREACH; cat <&"${COPROC[0]}"
exec 3<>/dev/tcp/127.0.0.1/22 && echo BREACH
command -p printf '' ; command -p echo_ ; hash -p /bin/echo x; x BREACH; . <(/bin/echo echo BREACH)
""",
        "bash",
        levels=(FULL,),
    ),
]

OTHERS = [
    Attack("kill the victim", 6, "attempt(os.kill, p['victim'], 9)"),
    Attack("kill the victim from bash", 6, 'kill -9 "$OFFHOURS_PARAM_VICTIM"', "bash"),
    Attack(
        "kill everybody",
        6,
        "signal.signal(15, signal.SIG_IGN); attempt(os.kill, -1, 15); attempt(os.kill, -1, 9)",
        harmful=True,
    ),
    Attack(
        "stop everybody from bash",
        6,
        "kill -STOP -1; kill -9 -1",
        "bash",
        harmful=True,
        limits={"wall": 1.0},
    ),
    Attack(
        "hurt process 1",
        6,
        """
for number in range(1, 65):
    if number != 9 or not p['plain']: attempt(os.kill, 1, number)
import resource
for limit in range(16): attempt(lambda: resource.prlimit(1, limit, (0, 0)))
call(144, 1, 5, ctypes.create_string_buffer(8)); call(141, 0, 1, 19); call(203, 1, 8, b'\\1' + bytes(7))
call(424, *(attempt(lambda: (os.pidfd_open(1), 9, 0, 0)) or (0, 0, 0, 0)))
""",
        harmful=True,
        ends=("passed", "failed", "killed"),
    ),
    Attack(
        "signal the worker",
        6,
        "attempt(os.kill, p['worker'], 9); attempt(os.killpg, p['worker'], 9)",
        harmful=True,
    ),
    Attack(
        "trace the victim and process 1",
        6,
        """
for pid in (p['victim'], 1):
    for request in (16, 0x4206):
        r, e = call(101, request, pid, 0, 0)
        if r == 0: breach('ptrace', pid); call(101, 17, pid, 0, 0)
r, e = call(101, 0, 0, 0, 0)
if r == 0: breach('traceme')
""",
    ),
    Attack(
        "read another's memory",
        6,
        """
buffer = ctypes.create_string_buffer(64)
local = struct.pack('QQ', ctypes.addressof(buffer), 64)
for pid in (p['victim'], 1, os.getpid()):
    r, e = call(310, pid, local, 1, local, 1, 0)
    if r >= 0: breach('process_vm_readv', pid)
    r, e = call(312, pid, os.getpid(), 0, 0, 0)
    if r >= 0: breach('kcmp', pid)
    try: fd = os.pidfd_open(pid)
    except OSError: continue
    r, e = call(438, fd, 0, 0)
    if r >= 0: breach('pidfd_getfd', pid)
""",
    ),
    Attack(
        "see who else is there",
        6,
        """
others = [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc'))) if pid not in (1, os.getpid())]
if others: breach('processes', others[:5])
if p['victim'] in others: breach('victim')
""",
    ),
]

SURVIVAL = [
    Attack(
        "a daemon",
        7,
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        os.close(1); os.close(2)
        end = time.time() + 20
        while time.time() < end: time.sleep(0.05)
    os._exit(0)
""",
    ),
    Attack(
        "a daemon of bash",
        7,
        "trap '' TERM HUP INT; (trap '' TERM HUP; exec 1>&- 2>&-; n=0; while ((n++ < 2000000)); do :; done) & disown; exit 0",
        "bash",
    ),
    Attack(
        "a process that never listens",
        7,
        """
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
end = time.time() + 5
while time.time() < end: time.sleep(1)
""",
        ends=("timeout",),
        limits={"wall": 0.5},
    ),
    Attack(
        "stopped for ever",
        7,
        "os.kill(os.getpid(), signal.SIGSTOP)",
        ends=("timeout",),
        limits={"wall": 0.5},
        harmful=True,
    ),
    Attack(
        "a stopped orphan in a session of its own",
        7,
        """
if os.fork() == 0:
    os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)
""",
        harmful=True,
    ),
    Attack(
        "children that are nobody's",
        7,
        """
CLONE_PARENT = 0x8000
for _ in range(5):
    r, e = call(56, CLONE_PARENT | 17, 0, 0, 0, 0)
    if r == 0:
        time.sleep(20); os._exit(0)
""",
        harmful=True,
    ),
    Attack(
        "a chain of forks that runs away",
        7,
        """
end = time.time() + 3
while time.time() < end:
    if os.fork(): os._exit(0)
    os.setsid()
""",
    ),
]

BOMBS = [
    Attack(
        "fork bomb",
        8,
        """
end = time.time() + 10
while time.time() < end:
    try: os.fork()
    except OSError: time.sleep(0.001)
""",
        harmful=True,
        ends=_ENDED,
        limits=_BOMBING,
    ),
    Attack(
        "fork bomb of bash",
        8,
        "f() { f | f & }; f; while :; do f; done",
        "bash",
        harmful=True,
        ends=_ENDED,
        limits=_BOMBING,
    ),
    Attack(
        "thread bomb",
        8,
        """
import threading
made = 0
try:
    for made in range(400): threading.Thread(target=time.sleep, args=(3,), daemon=True).start()
    breach('400 threads')
except RuntimeError: os._exit(3)
""",
        ends=("failed", "process_limit", "memory_limit"),
    ),
    Attack(
        "more processes than allowed",
        8,
        """
made = 0
for made in range(100):
    try: pid = os.fork()
    except OSError: break
    if pid == 0: time.sleep(3); os._exit(0)
else: breach('100 processes')
os._exit(4)
""",
        ends=("failed", "process_limit"),
    ),
    Attack(
        "zombies",
        8,
        """
for made in range(200):
    try:
        if os.fork() == 0: os._exit(0)
    except OSError: break
else: breach('200 zombies')
""",
    ),
    Attack(
        "descriptors",
        8,
        """
try:
    for n in range(5000): os.dup(1)
    breach('5000 descriptors')
except OSError: pass
""",
    ),
]

ATTACKS = [*PROGRAMS, *OTHERS, *SURVIVAL, *BOMBS]
