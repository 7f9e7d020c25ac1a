#include "src/processes/worker_pool.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <map>
#include <stdexcept>
#include <system_error>

#include "src/processes/refusal.h"
#include "src/simulation/errors.h"

namespace attnguard {
namespace {

constexpr int kTickMilliseconds = 100;

enum class MessageKind : std::uint32_t { done, done_and_retire, failed, refused };

// Before every message of a worker.
struct MessageHeader {
  std::uint64_t item = 0;
  MessageKind kind = MessageKind::done;
  std::uint32_t size = 0;
};

struct Range {
  std::uint64_t first = 0, end = 0;
};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool send_all(int socket, const void* data, std::size_t size) {
  const char* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* data, std::size_t size) {
  char* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t received = recv(socket, bytes, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    bytes += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

bool send_message(int socket, std::uint64_t item, MessageKind kind, const std::string& bytes) {
  const MessageHeader header{item, kind, static_cast<std::uint32_t>(bytes.size())};
  return send_all(socket, &header, sizeof header) && send_all(socket, bytes.data(), bytes.size());
}

// A worker's life: ranges in, one message per item out; ends when the caller closes the socket, or
// to be replaced.
void serve(int socket, const std::function<WorkResult(std::uint64_t)>& work) {
  for (Range range; receive_all(socket, &range, sizeof range);)
    for (std::uint64_t item = range.first; item < range.end; ++item) {
      try {
        const WorkResult result = work(item);
        const MessageKind kind = result.retire ? MessageKind::done_and_retire : MessageKind::done;
        if (!send_message(socket, item, kind, result.bytes) || result.retire) return;
      } catch (const std::exception& error) {
        const std::optional<std::string> refusal = current_refusal();
        send_message(socket, item, refusal ? MessageKind::refused : MessageKind::failed,
                     refusal.value_or(error.what()));
        return;
      }
    }
}

struct Worker {
  pid_t pid = -1;
  int socket = -1;
  Range todo;  ///< next item expected .. end of its range
};

class Pool {
 public:
  Pool(const PoolOptions& options, std::uint64_t items, const std::string& what,
       const std::function<WorkResult(std::uint64_t)>& work,
       const std::function<void(std::uint64_t, const std::string&)>& done)
      : options_(options), items_(items), what_(what), work_(work), done_(done) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (Worker& worker : workers_) end(worker, SIGKILL);
  }

  void run() {
    const std::uint64_t chunks = (items_ + options_.chunk - 1) / options_.chunk;
    workers_.resize(std::min<std::uint64_t>(options_.workers, chunks));
    for (Worker& worker : workers_) assign(worker);
    while (next_done_ < items_) {
      std::vector<pollfd> waiting;
      for (const Worker& worker : workers_) waiting.push_back({worker.socket, POLLIN, 0});
      if (options_.tick) options_.tick();
      const int timeout = options_.tick ? kTickMilliseconds : -1;
      if (poll(waiting.data(), waiting.size(), timeout) < 0) {
        if (errno == EINTR) continue;
        fail("poll");
      }
      for (std::size_t i = 0; i < workers_.size(); ++i)
        if (waiting[i].revents != 0) receive(workers_[i]);
    }
    for (Worker& worker : workers_) end(worker, 0);  // at rest: they leave when their socket closes
  }

 private:
  void start(Worker& worker) {
    std::array<int, 2> sockets{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) fail("socketpair");
    const pid_t caller = getpid();
    worker.pid = fork();
    if (worker.pid < 0) fail("fork");
    if (worker.pid == 0) {
      // Nothing may be thrown past here: the pool in this process would end what it takes for its
      // workers, of which this one has number 0, the whole process group.
      try {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != caller) _exit(1);  // it ended before the line above
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
        // Without the ends of the others, every worker sees its socket close when the caller is
        // gone.
        close(sockets[0]);
        for (const Worker& other : workers_)
          if (other.socket >= 0) close(other.socket);
        serve(sockets[1], work_);
        _exit(0);
      } catch (...) {
        _exit(1);
      }
    }
    close(sockets[1]);
    worker.socket = sockets[0];
  }

  // Ends the process and forgets it; how it ended, for people.
  std::string end(Worker& worker, int signal) {
    if (worker.pid < 0) return {};
    close(worker.socket);
    if (signal != 0) kill(worker.pid, signal);
    int status = 0;
    while (waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
    }
    worker.pid = worker.socket = -1;
    if (WIFSIGNALED(status))
      return "the worker was ended by signal " + std::to_string(WTERMSIG(status));
    return "the worker ended with status " + std::to_string(WEXITSTATUS(status));
  }

  // Gives the worker what remains of its range or else the next chunk; it rests when there is none.
  void assign(Worker& worker) {
    if (worker.todo.first == worker.todo.end) {
      worker.todo = {next_chunk_, std::min(items_, next_chunk_ + options_.chunk)};
      next_chunk_ = worker.todo.end;
      if (worker.todo.first == worker.todo.end) return;
    }
    if (worker.pid < 0) start(worker);
    // A worker that died meanwhile is noticed when its socket is read.
    send_all(worker.socket, &worker.todo, sizeof worker.todo);
  }

  void receive(Worker& worker) {
    MessageHeader header;
    std::string bytes;
    bool whole = receive_all(worker.socket, &header, sizeof header);
    if (whole) {
      bytes.resize(header.size);
      whole = receive_all(worker.socket, bytes.data(), bytes.size());
    }
    if (whole && header.kind == MessageKind::refused) throw MachineError(bytes);
    if (!whole || header.kind == MessageKind::failed) {
      const std::string ending = end(worker, 0);  // it died, or leaves after its message
      retry(worker, whole ? bytes : ending);
      return;
    }
    if (header.kind == MessageKind::done_and_retire) end(worker, 0);
    finish(worker, std::move(bytes));
  }

  void retry(Worker& worker, const std::string& reason) {
    const std::uint64_t item = worker.todo.first;
    if (options_.failed) {
      if (std::optional<std::string> bytes = options_.failed(item, reason))
        return finish(worker, std::move(*bytes));
    } else if (++failures_[item] > 1) {
      throw ModelError(what_ + " " + std::to_string(item) + " failed twice: " + reason);
    }
    assign(worker);
  }

  void finish(Worker& worker, std::string bytes) {
    const std::uint64_t item = worker.todo.first++;
    deliver(item, std::move(bytes));
    if (worker.pid < 0 || worker.todo.first == worker.todo.end) assign(worker);
  }

  void deliver(std::uint64_t item, std::string bytes) {
    early_[item] = std::move(bytes);
    for (auto it = early_.begin(); it != early_.end() && it->first == next_done_;
         it = early_.erase(it)) {
      done_(it->first, it->second);
      ++next_done_;
    }
  }

  const PoolOptions& options_;
  const std::uint64_t items_;
  const std::string& what_;
  const std::function<WorkResult(std::uint64_t)>& work_;
  const std::function<void(std::uint64_t, const std::string&)>& done_;
  std::vector<Worker> workers_;
  std::uint64_t next_chunk_ = 0, next_done_ = 0;
  std::map<std::uint64_t, std::string> early_;  ///< results that wait for an earlier item
  std::map<std::uint64_t, int> failures_;
};

}  // namespace

void run_in_workers(const PoolOptions& options, std::uint64_t items, const std::string& what,
                    const std::function<WorkResult(std::uint64_t)>& work,
                    const std::function<void(std::uint64_t, const std::string&)>& done) {
  Pool(options, items, what, work, done).run();
}

}  // namespace attnguard
