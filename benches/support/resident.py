# Exit status 0 when every page of the file is in the page cache; prints the share otherwise.
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
descriptor = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(descriptor).st_size
pages = -(-size // os.sysconf("SC_PAGESIZE"))
address = libc.mmap(None, size, 1, 1, descriptor, 0)  # PROT_READ, MAP_SHARED
vector = (ctypes.c_ubyte * pages)()
if address in (None, ctypes.c_void_p(-1).value) or libc.mincore(address, size, vector) != 0:
    sys.exit("mincore: " + os.strerror(ctypes.get_errno()))
resident = sum(byte & 1 for byte in bytes(vector))
if resident != pages:
    print(f"{resident} of {pages} pages", file=sys.stderr)
    sys.exit(1)
