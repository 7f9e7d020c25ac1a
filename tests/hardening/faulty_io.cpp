// Preloaded into the executable: file operations below FAULTY_ROOT fail on request.
//
// FAULTY_COUNTER is a file that all processes of a command map, so that operations have one number
// whoever does them. FAULTY_AT is the number of the operation that fails, FAULTY_ERROR its errno;
// with FAULTY_LASTING every later write fails, too, as on a full disk. FAULTY_SHORT: every write
// takes one byte in three of what it is given, and every second one is interrupted before it
// begins.
#include "tests/hardening/faulty_io.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using attnguard::FaultyIo;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

struct Request {
  FaultyIo* shared = nullptr;
  std::string root;
  unsigned long at = 0;
  int error = 0;
  bool lasting = false, short_writes = false;

  Request() {
    const char* counter = std::getenv("FAULTY_COUNTER");
    if (counter == nullptr) return;
    root = std::getenv("FAULTY_ROOT");
    if (const char* text = std::getenv("FAULTY_AT")) at = std::strtoul(text, nullptr, 10);
    if (const char* text = std::getenv("FAULTY_ERROR")) error = std::atoi(text);
    lasting = std::getenv("FAULTY_LASTING") != nullptr;
    short_writes = std::getenv("FAULTY_SHORT") != nullptr;
    const int fd = next<int(const char*, int, ...)>("open")(counter, O_RDWR | O_CLOEXEC);
    void* memory = ::mmap(nullptr, sizeof(FaultyIo), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED) shared = static_cast<FaultyIo*>(memory);
  }
};

const Request& request() {
  static const Request* const made = new Request;  // used until the very end
  return *made;
}

std::string absolute(int folder, const char* path) {
  if (path[0] == '/') return path;
  std::string from(PATH_MAX, '\0');
  const std::string link =
      folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(folder);
  const ssize_t size = ::readlink(link.c_str(), from.data(), from.size());
  from.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return from + "/" + path;
}

std::string file_of(int fd) {
  if (request().shared == nullptr) return {};
  std::string path(PATH_MAX, '\0');
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
  path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return path;
}

bool concerned(const std::string& path) {
  return request().shared != nullptr && path.compare(0, request().root.size(), request().root) == 0;
}

/// Counts the operation; sets errno if it is to fail.
bool fails(const char* operation, const std::string& path, bool takes_room = false) {
  if (!concerned(path)) return false;
  const Request& asked = request();
  const unsigned long number = ++asked.shared->operations;
  if (asked.at == 0) return false;
  if (number != asked.at && !(asked.lasting && takes_room && number > asked.at)) return false;
  if (number == asked.at) {
    std::snprintf(asked.shared->operation, sizeof asked.shared->operation, "%s", operation);
    std::snprintf(asked.shared->path, sizeof asked.shared->path, "%s", path.c_str());
  }
  errno = asked.error;
  return true;
}

int open_any(const char* name, int folder, const char* path, int flags, mode_t mode) {
  if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0 &&
      fails("open", absolute(folder, path), (flags & O_CREAT) != 0))
    return -1;
  if (std::strncmp(name, "openat", 6) == 0)
    return next<int(int, const char*, int, ...)>(name)(folder, path, flags, mode);
  return next<int(const char*, int, ...)>(name)(path, flags, mode);
}

mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

pid_t first_process = 0;
long failing_allocation = 0;

__attribute__((constructor)) void begin() {
  first_process = ::getpid();
  if (const char* text = std::getenv("FAULTY_ALLOCATION")) failing_allocation = std::atol(text);
}

}  // namespace

#define FAULTY_OPEN(name)                                \
  int name(const char* path, int flags, ...) {           \
    va_list list;                                        \
    va_start(list, flags);                               \
    const mode_t mode = mode_of(flags, list);            \
    va_end(list);                                        \
    return open_any(#name, AT_FDCWD, path, flags, mode); \
  }
#define FAULTY_OPENAT(name)                                \
  int name(int folder, const char* path, int flags, ...) { \
    va_list list;                                          \
    va_start(list, flags);                                 \
    const mode_t mode = mode_of(flags, list);              \
    va_end(list);                                          \
    return open_any(#name, folder, path, flags, mode);     \
  }

extern "C" {

FAULTY_OPEN(open)
FAULTY_OPEN(open64)
FAULTY_OPENAT(openat)
FAULTY_OPENAT(openat64)

ssize_t write(int fd, const void* bytes, size_t size) {
  auto* const original = next<ssize_t(int, const void*, size_t)>("write");
  const std::string path = file_of(fd);
  if (fails("write", path, true)) return -1;
  if (concerned(path) && request().short_writes) {
    static std::atomic<bool> interrupt{false};
    if (interrupt.exchange(!interrupt)) {
      errno = EINTR;
      return -1;
    }
    size = std::min(size, size / 3 + 1);
  }
  return original(fd, bytes, size);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  if (fails("writev", file_of(fd), true)) return -1;
  return next<ssize_t(int, const iovec*, int)>("writev")(fd, parts, count);
}

int fsync(int fd) {
  if (fails("fsync", file_of(fd))) return -1;
  return next<int(int)>("fsync")(fd);
}

int close(int fd) {
  const std::string path = file_of(fd);
  struct stat status {};
  const bool written = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                       (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const int result = next<int(int)>("close")(fd);
  return written && fails("close", path) ? -1 : result;
}

int rename(const char* from, const char* to) {
  if (fails("rename", absolute(AT_FDCWD, to))) return -1;
  return next<int(const char*, const char*)>("rename")(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (fails("renameat2", absolute(to_folder, to))) return -1;
  return next<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from,
                                                                              to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  if (fails("mkdir", absolute(AT_FDCWD, path), true)) return -1;
  return next<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) {
  if (fails("unlink", absolute(AT_FDCWD, path))) return -1;
  return next<int(const char*)>("unlink")(path);
}

int unlinkat(int folder, const char* path, int flags) {
  if (fails("unlinkat", absolute(folder, path))) return -1;
  return next<int(int, const char*, int)>("unlinkat")(folder, path, flags);
}

int remove(const char* path) {
  if (fails("remove", absolute(AT_FDCWD, path))) return -1;
  return next<int(const char*)>("remove")(path);
}

// FAULTY_ALLOCATION: in every process but the first this allocation fails.
void* __libc_malloc(size_t size);
void* malloc(size_t size) noexcept {
  if (failing_allocation > 0 && ::getpid() != first_process && --failing_allocation == 0) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_malloc(size);
}

// FAULTY_CLOCK: the time of day leaps an hour to and fro.
int clock_gettime(clockid_t clock, timespec* time) {
  static std::atomic<unsigned> calls{0};
  const int result = next<int(clockid_t, timespec*)>("clock_gettime")(clock, time);
  if (clock == CLOCK_REALTIME && std::getenv("FAULTY_CLOCK") != nullptr)
    time->tv_sec += ++calls % 2 == 0 ? 3600 : -3600;
  return result;
}

}  // extern "C"
