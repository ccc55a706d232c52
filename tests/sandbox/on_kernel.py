"""Classes 12 to 15: the network, the surface of the kernel, privileges, and lies."""

from __future__ import annotations

from tests.sandbox.attack import CLOSED, Attack

NETWORK = [
    Attack(
        "connect to a service of the host",
        12,
        """
def reach():
    s = socket.create_connection(('127.0.0.1', p['tcp']), 1); s.send(b'hello')
attempt(reach)
""",
        levels=CLOSED,
    ),
    Attack(
        "connect by IPv6",
        12,
        """
def reach():
    s = socket.socket(socket.AF_INET6); s.settimeout(1); s.connect(('::1', p['tcp6']))
attempt(reach)
""",
        levels=CLOSED,
    ),
    Attack(
        "connect by bash",
        12,
        'exec 3<>"/dev/tcp/127.0.0.1/$OFFHOURS_PARAM_TCP" && echo hello >&3',
        "bash",
        levels=CLOSED,
    ),
    Attack(
        "datagrams",
        12,
        """
def send():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', p['udp']))
attempt(send)
""",
        levels=CLOSED,
    ),
    Attack(
        "names",
        12,
        """
if attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM): breach('a socket for DNS')
attempt(lambda: print(socket.getaddrinfo('example.com', 80)))
""",
        levels=CLOSED,
    ),
    Attack(
        "a listener of its own",
        12,
        """
def listen():
    s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); breach(s.getsockname())
attempt(listen)
""",
        levels=CLOSED,
    ),
    Attack(
        "a Unix socket by path",
        12,
        """
def reach():
    s = socket.socket(socket.AF_UNIX); s.settimeout(1); s.connect(p['unix'])
attempt(reach)
""",
    ),
    Attack(
        "an abstract Unix socket",
        12,
        """
def reach(kind):
    s = socket.socket(socket.AF_UNIX, kind); s.settimeout(1); s.connect('\\0' + p['abstract'])
attempt(reach, socket.SOCK_STREAM)
def send():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'x', '\\0' + p['abstract_dgram'])
attempt(send)
""",
    ),
    Attack(
        "sockets of every family",
        12,
        """
allowed = {'full': set(), 'partial': {1}, 'minimal': {1, 2, 10, 16}}.get(p['level'], set())
for family in range(1, 46):
    for kind in (1, 2, 3, 5):
        try: s = socket.socket(family, kind); s.close()
        except OSError: continue
        if family not in allowed: breach('family', family, kind)
""",
    ),
    Attack(
        "netlink of every kind",
        12,
        """
for protocol in range(0 if p['level'] != 'minimal' else 1, 23):
    try: socket.socket(16, 3, protocol); breach('netlink', protocol)
    except OSError: pass
""",
    ),
    Attack(
        "odd protocols and raw packets",
        12,
        """
for family, kind, protocol in ((2, 3, 1), (2, 1, 132), (2, 1, 262), (2, 5, 132), (2, 3, 255), (17, 3, 3), (2, 2, 136), (40, 1, 0)):
    try: socket.socket(family, kind, protocol); breach(family, kind, protocol)
    except OSError: pass
""",
    ),
    Attack(
        "socket pairs of other families",
        12,
        """
for family in (2, 10, 16, 30, 31, 38):
    r, e = call(53, family, 1, 0, ctypes.create_string_buffer(8))
    if r == 0: breach(family)
""",
    ),
    Attack(
        "a socket by other numbers",
        12,
        """
r, e = call(0x100000000 + 41, 2, 1, 0)
if r >= 0 and p['level'] != 'minimal': breach('upper half')
r, e = call(41, 0x100000002, 1, 0)
if r >= 0 and p['level'] != 'minimal': breach('wide family')
""",
    ),
]

KERNEL = [
    Attack(
        "new namespaces",
        13,
        """
for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
    if os.fork() == 0:
        r, e = call(272, flag)
        if r == 0: breach('unshare', hex(flag))
        os._exit(0)
    os.wait()
    if flag != 0x80:
        r, e = call(56, flag | 17, 0, 0, 0, 0)
        if r == 0: os._exit(0)
        if r > 0: breach('clone', hex(flag)); os.waitpid(r, 0)
arguments = struct.pack('11Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
r, e = call(435, arguments, 88)
if r == 0: os._exit(0)
if r > 0: breach('clone3')
""",
    ),
    Attack(
        "other namespaces",
        13,
        """
for pid in (p['victim'], 1):
    for name in ('mnt', 'net', 'pid', 'user', 'ipc', 'uts'):
        try: fd = os.open(f'/proc/{pid}/ns/{name}', os.O_RDONLY)
        except OSError: continue
        r, e = call(308, fd, 0)
        if r == 0: breach('setns', name)
try: r, e = call(308, os.pidfd_open(1), 0x00020000)
except OSError: r = -1
if r == 0: breach('setns by pidfd')
""",
        harmful=True,
    ),
    Attack(
        "mounts",
        13,
        """
os.mkdir('m')
if call(165, b'none', b'm', b'tmpfs', 0, 0)[0] == 0: breach('mount')
if call(165, b'none', b'/', 0, 32, 0)[0] == 0: breach('remount')
if call(166, b'/proc', 2)[0] == 0: breach('umount')
if call(161, b'.')[0] == 0: breach('chroot')
if call(155, b'.', b'.')[0] == 0: breach('pivot_root')
if call(430, b'tmpfs', 0)[0] >= 0: breach('fsopen')
if call(428, -100, b'.', 1)[0] >= 0: breach('open_tree')
if call(442, -100, b'.', 0, bytes(32), 32)[0] == 0: breach('mount_setattr')
""",
        harmful=True,
    ),
    Attack(
        "wide doors",
        13,
        """
for name, number, arguments in (
    ('bpf', 321, (0, bytes(128), 128)), ('perf', 298, (struct.pack('II', 1, 112) + bytes(104), 0, -1, -1, 0)),
    ('userfaultfd', 323, (1,)), ('io_uring', 425, (8, ctypes.create_string_buffer(120))),
    ('add_key', 248, (b'user', b'offhours', b'x', 1, -3)), ('keyctl', 250, (0, -3, 1)),
    ('request_key', 249, (b'user', b'offhours', 0, -3)), ('fanotify', 300, (0, 0)),
    ('memfd_secret', 447, (0,)), ('landlock', 444, (struct.pack('Q', 1), 8, 0)),
    ('vmsplice', 278, (1, struct.pack('QQ', 0, 0), 0, 0)), ('modify_ldt', 154, (0, bytes(16), 16)),
    ('iopl', 172, (3,)), ('mbind', 237, (0, 0, 0, 0, 0, 0)), ('process_madvise', 440, (0, 0, 0, 0, 0)),
    ('swapon', 167, (b'x', 0)), ('acct', 163, (0,)), ('quotactl', 179, (0, 0, 0, 0)),
    ('syslog', 103, (10, 0, 0)), ('finit_module', 313, (0, b'', 0)), ('kexec', 246, (0, 0, 0, 0)),
):
    r, e = call(number, *arguments)
    if r >= 0 or e not in (errno.EPERM, errno.ENOSYS): breach(name, r, e)
""",
    ),
    Attack(
        "calls this kernel's future may bring",
        13,
        """
for number in (*range(463, 520), 1000, 5000):
    r, e = call(number, 0, 0, 0, 0, 0, 0)
    if r >= 0 or e != errno.ENOSYS: breach(number, r, e)
""",
    ),
    Attack(
        "clocks and names",
        13,
        """
now = struct.pack('qq', 1, 0)
for name, number, arguments in (('clock_settime', 227, (0, now)), ('settimeofday', 164, (now, 0)),
    ('adjtimex', 159, (bytes(256),)), ('clock_adjtime', 305, (0, bytes(256))),
    ('sethostname', 170, (b'x', 1)), ('setdomainname', 171, (b'x', 1)), ('reboot', 169, (0, 0, 0, 0))):
    r, e = call(number, *arguments)
    if r >= 0: breach(name)
""",
        harmful=True,
    ),
    Attack(
        "words put into a terminal",
        13,
        """
import fcntl, termios
for fd in (0, 1, 2, attempt(lambda: os.open('/dev/tty', os.O_RDWR)), attempt(lambda: os.open('/dev/ptmx', os.O_RDWR))):
    if fd is None: continue
    for command, data in ((0x5412, b'x'), (0x541C, b'\\x03'), (0x5423, struct.pack('i', 0))):
        for upper in (0, 1 << 32):
            r, e = call(16, fd, command + upper, data)
            if r >= 0 or e not in (errno.EPERM,): breach(fd, hex(command), e)
""",
    ),
    Attack(
        "personality",
        13,
        """
r, e = call(135, 0x0040000)
if r >= 0: breach('personality')
""",
    ),
    Attack(
        "a stack that may be run, and addresses at zero",
        13,
        """
C.mmap.restype = ctypes.c_void_p
m = C.mmap(ctypes.c_void_p(0), ctypes.c_size_t(4096), 3, 0x32, -1, ctypes.c_long(0))
if m in (None, 0): breach('page zero')
""",
    ),
    Attack(
        "a core dump",
        13,
        """
import resource
if os.fork() == 0:
    try: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
    except (OSError, ValueError): pass
    os.kill(os.getpid(), signal.SIGSEGV)
os.wait()
for name in os.listdir('.'):
    if name.startswith('core'): breach(name)
""",
    ),
]

PRIVILEGE = [
    Attack(
        "become root",
        14,
        """
for way in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0]), lambda: os.seteuid(0)):
    try: way()
    except OSError: continue
    breach('became root')
if os.getuid() == 0: breach('is root')
""",
    ),
    Attack(
        "capabilities",
        14,
        """
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
    if int(status[name], 16): breach(name, status[name].strip())
if status['NoNewPrivs'].strip() != '1': breach('new privileges')
if status['Seccomp'].strip() != '2': breach('no filter')
if status['Groups'].strip() not in ('', '65534', '1000'): breach(status['Groups'])
""",
    ),
    Attack(
        "set-uid programs",
        14,
        """
import subprocess
for command in (['/usr/bin/su', '-c', 'id -u'], ['/usr/bin/sudo', '-n', 'id', '-u'], ['/usr/bin/passwd', '-S']):
    try: done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=5)
    except (OSError, subprocess.TimeoutExpired): continue
    if done.returncode == 0: breach(command, done.stdout)
""",
    ),
    Attack(
        "a set-uid copy of its own",
        14,
        """
import shutil
shutil.copy('/usr/bin/id', 'mine'); os.chmod('mine', 0o6755); attempt(os.chown, 'mine', 0, 0)
if os.stat('mine').st_uid == 0 and not p['plain']: breach('a file of root')
""",
    ),
    Attack(
        "maps of a user namespace",
        14,
        """
r, e = call(272, 0x10000000)
for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {os.getuid()} 1'), ('gid_map', f'0 {os.getgid()} 1')):
    try: open(f'/proc/self/{name}', 'w').write(text); breach(name)
    except OSError: pass
""",
    ),
    Attack(
        "device nodes",
        14,
        """
for kind, major, minor in ((0o60000, 254, 0), (0o60000, 8, 0), (0o20000, 1, 1), (0o20000, 1, 3)):
    try: os.mknod(f'node{major}{minor}', 0o666 | kind, os.makedev(major, minor)); breach(major, minor)
    except OSError: pass
""",
    ),
    Attack(
        "keep capabilities, undo the lock",
        14,
        """
C.prctl(8, 1, 0, 0, 0); C.prctl(28, 0x2f, 0, 0, 0)
if C.prctl(38, 0, 0, 0, 0) == 0: breach('no_new_privs undone')
if C.prctl(22, 0, 0, 0, 0) == 0: breach('seccomp undone')
if C.prctl(47, 2, 21, 0, 0) == 0: breach('ambient')
""",
        harmful=True,
    ),
]

LIES = [
    Attack(
        "the words of process 1",
        15,
        """
for fd in range(3, 64):
    attempt(os.write, fd, b'ended 1 0 0 0\\n')
print('ended 1 0 0 0'); print('{"status": "passed", "success": true}'); os._exit(7)
""",
        ends=("failed",),
    ),
    Attack(
        "passed, says the result, and it fails",
        15,
        """
open(os.environ['OFFHOURS_RESULT'], 'w').write('{"success": true, "status": "passed"}')
sys.exit(9)
""",
        ends=("failed",),
    ),
    Attack(
        "a giant result",
        15,
        "open(os.environ['OFFHOURS_RESULT'], 'w').write('[' + '1,' * 3_000_000 + '1]')",
        ends=("failed",),
    ),
    Attack(
        "a result deeper than any stack",
        15,
        "open(os.environ['OFFHOURS_RESULT'], 'w').write('[' * 400_000)",
        ends=("failed",),
    ),
    Attack(
        "a result that is no JSON",
        15,
        "open(os.environ['OFFHOURS_RESULT'], 'wb').write(b'\\xff\\x00{')",
        ends=("failed",),
    ),
    Attack(
        "a result with a number that never ends",
        15,
        "open(os.environ['OFFHOURS_RESULT'], 'w').write('9' * 900_000)",
        ends=("failed",),
    ),
    Attack(
        "a result of no number",
        15,
        "open(os.environ['OFFHOURS_RESULT'], 'w').write('[NaN, 1e999]')",
        ends=("failed",),
    ),
    Attack("exit codes of others", 15, "os._exit(256 + 0 if 0 else 255)", ends=("failed",)),
    Attack("ended by its own hand", 15, "os.kill(os.getpid(), signal.SIGKILL)", ends=("killed",)),
    Attack(
        "a script that closes everything",
        15,
        "os.closerange(0, 256); os._exit(3)",
        ends=("failed",),
    ),
    Attack("a fatal fault", 15, "ctypes.string_at(0)", ends=("killed",)),
]

ATTACKS = [*NETWORK, *KERNEL, *PRIVILEGE, *LIES]
