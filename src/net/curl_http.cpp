#include "net/curl_http.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>
#include <cerrno>
#include <ctime>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/check.hpp"
#include "base/failpoint.hpp"

namespace loa {
namespace {

using boost::system::error_code;
using DoneChannel = asio::experimental::channel<void(error_code, CURLcode)>;

// The ends of a connection: peer, its port, our port.
using Ends = std::tuple<std::string, long, long>;

// The HTTP/1 connections that libcurl keeps. Before 8.0 (curl/curl#10690) it takes one again
// although bytes wait there, and reads an answer that nobody asked for as the answer to the next
// request; or although it was reset, and the request is in doubt for nothing. On HTTP/2 a stream
// tells whose an answer is.
class KeptConnections {
 public:
  // After an answer.
  void note(CURL* easy) {
    long version = 0;
    curl_socket_t socket = CURL_SOCKET_BAD;
    const char* peer = "";
    long peer_port = 0;
    long port = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &peer);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &peer_port);
    curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
    if (version <= CURL_HTTP_VERSION_1_1) {
      sockets_[socket] = {peer, peer_port, port};
    } else {
      sockets_.erase(socket);
    }
  }

  // Nothing is known against sending the next request on this connection.
  bool is_quiet(const Ends& ends) const {
    const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                    [&](const auto& one) { return one.second == ends; });
    if (found == sockets_.end()) return true;
    // The connection may be closed since, and its number another's.
    asio::ip::tcp::endpoint local;
    auto size = static_cast<socklen_t>(local.capacity());
    if (::getsockname(found->first, local.data(), &size) != 0 || local.port() != std::get<2>(ends))
      return true;
    char byte = 0;
    return ::recv(found->first, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  std::unordered_map<curl_socket_t, Ends> sockets_;
};

struct Transfer {
  Transfer(const asio::any_io_executor& executor, KeptConnections& connections)
      : done(executor, 1), kept(connections) {}

  DoneChannel done;
  KeptConnections& kept;
  int starts = 0;        // times libcurl was about to send the request
  bool unclean = false;  // stopped before that: the connection was not quiet
  bool too_large = false;
  bool head_whole = false;
  HttpReply reply;
};

int before_request(void* context, char* peer, char* /*local*/, int peer_port, int port) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.unclean = transfer.starts == 0 && !transfer.kept.is_quiet({peer, peer_port, port});
  if (transfer.unclean) return CURL_PREREQFUNC_ABORT;
  LOA_FAILPOINT("request.before_send");
  return ++transfer.starts > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

// libcurl takes an answer that ends inside its head for a whole one without a body.
std::size_t on_head(char* data, std::size_t size, std::size_t count, void* context) {
  LOA_FAILPOINT("answer.before_read");
  const std::string_view line(data, size * count);
  bool& whole = static_cast<Transfer*>(context)->head_whole;
  // A head begins with its status line and ends with an empty one; trailers of a chunked body come
  // later.
  if (line.starts_with("HTTP/")) whole = false;
  if (line == "\r\n" || line == "\n") whole = true;
  return line.size();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.reply.body.size() + size * count > kHttpBodyMax) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.reply.body.append(data, size * count);
  return size * count;
}

// The results after which no byte of the request can have left, if libcurl never came to send it.
bool before_sending(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR: return true;
    default: return false;
  }
}

std::string header_of(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value
                                                                                 : "";
}

// A date counts from the answer's own Date: the carrier's clock is not ours.
std::string retry_after(CURL* easy) {
  std::string value = header_of(easy, "Retry-After");
  const std::string date = header_of(easy, "Date");
  const bool is_date = !value.empty() && std::isalpha(static_cast<unsigned char>(value[0])) != 0;
  if (!is_date || date.empty()) return value;
  const std::time_t until = curl_getdate(value.c_str(), nullptr);
  const std::time_t now = curl_getdate(date.c_str(), nullptr);
  return until < 0 || now < 0 ? value : std::to_string(until - now);
}

bool end_stated(CURL* easy) {
  long version = 0;
  curl_off_t length = -1;
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return version > CURL_HTTP_VERSION_1_1 || length >= 0 ||
         header_of(easy, "Transfer-Encoding") == "chunked";
}

void finish(Transfer& transfer, CURL* easy, CURLcode code) {
  HttpReply& reply = transfer.reply;
  if (code == CURLE_OK && transfer.head_whole) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply.transport = Transport::answered;
    reply.status = static_cast<int>(status);
    transfer.kept.note(easy);
    reply.retry_after = retry_after(easy);
    reply.end_stated = end_stated(easy);
    return;
  }
  reply.body.clear();
  reply.transport =
      transfer.starts == 0 && before_sending(code) ? Transport::not_sent : Transport::in_doubt;
  if (code == CURLE_ABORTED_BY_CALLBACK && transfer.starts > 1) {
    reply.failure = "the connection died before the answer; the request was not repeated";
  } else if (transfer.too_large) {
    reply.failure = "the answer is larger than 1 MiB";
  } else if (code == CURLE_OK) {
    reply.failure = "the answer ended inside its head";
  } else {
    reply.failure = curl_easy_strerror(code);
  }
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

class CurlHttp final : public Http {
 public:
  CurlHttp(asio::any_io_executor executor, int connections_max)
      : executor_(std::move(executor)),
        timer_(executor_),
        sockets_(executor_, epoll_create1(EPOLL_CLOEXEC)),
        multi_(curl_multi_init()) {
    LOA_CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlHttp::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlHttp::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
  }

  ~CurlHttp() override {
    LOA_CHECK(active_ == 0);
    *alive_ = false;
    for (const Handle& handle : idle_) curl_easy_cleanup(handle.easy);
    curl_multi_cleanup(multi_);
  }

  CurlHttp(const CurlHttp&) = delete;
  CurlHttp& operator=(const CurlHttp&) = delete;

  Task<HttpReply> perform(const HttpCall& call) override {
    while (true) {
      Transfer transfer(executor_, kept_);
      Run run(*this, transfer, call);
      const auto [ec, code] =
          co_await transfer.done.async_receive(asio::as_tuple(asio::use_awaitable));
      finish(transfer, run.easy(), ec ? CURLE_ABORTED_BY_CALLBACK : code);
      // libcurl closes an unclean connection: the next one is another, at last a new one.
      if (ec || !transfer.unclean) co_return std::move(transfer.reply);
    }
  }

 private:
  // What an easy handle is set up for; only the rest changes from call to call.
  struct Purpose {
    std::string method;
    std::string ca_file;
    bool allow_plain = false;
    Duration connect_limit{0};
    Duration total_limit{0};

    friend bool operator==(const Purpose&, const Purpose&) = default;
  };
  struct Handle {
    CURL* easy = nullptr;
    Purpose purpose;
  };

  // One transfer in the multi handle; leaves it on completion, cancellation and destruction of the
  // frame.
  class Run {
   public:
    Run(CurlHttp& http, Transfer& transfer, const HttpCall& call)
        : http_(http), handle_(http.take(call)) {
      point(handle_.easy, transfer, call);
      for (const std::string& header : call.headers)
        headers_ = curl_slist_append(headers_, header.c_str());
      headers_ = curl_slist_append(headers_, "Expect:");
      curl_easy_setopt(handle_.easy, CURLOPT_HTTPHEADER, headers_);
      ++http_.active_;
      LOA_CHECK(curl_multi_add_handle(http_.multi_, handle_.easy) == CURLM_OK);
    }
    ~Run() {
      curl_multi_remove_handle(http_.multi_, handle_.easy);
      curl_slist_free_all(headers_);
      http_.idle_.push_back(std::move(handle_));
      if (--http_.active_ == 0) http_.rest();
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    CURL* easy() { return handle_.easy; }

   private:
    CurlHttp& http_;
    Handle handle_;
    curl_slist* headers_ = nullptr;
  };

  Handle take(const HttpCall& call) {
    Purpose purpose{std::string(call.method), std::string(call.ca_file), call.allow_plain,
                    call.connect_limit, call.total_limit};
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const Handle& one) { return one.purpose == purpose; });
    if (found != idle_.rend()) {
      Handle handle = std::move(*found);
      idle_.erase(std::next(found).base());
      return handle;
    }
    Handle handle{curl_easy_init(), std::move(purpose)};
    LOA_CHECK(handle.easy != nullptr);
    set_up(handle.easy, handle.purpose);
    return handle;
  }

  static void set_up(CURL* easy, const Purpose& purpose) {
    constexpr long kIdleSeconds = 15;  // carriers close idle connections; do not race with them
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, purpose.allow_plain ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!purpose.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, purpose.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(purpose.connect_limit));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(purpose.total_limit));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "loa");
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &before_request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_head);
    if (purpose.method == "GET") return;
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (purpose.method != "POST")
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, purpose.method.c_str());
  }

  static void point(CURL* easy, Transfer& transfer, const HttpCall& call) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
    if (call.method == "GET") return;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }

  // libcurl's sockets live in an epoll set of their own, and Asio watches that one descriptor: no
  // object and no handler for each socket, whose lifetimes would have to be matched with libcurl's.
  static int on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* context, void* known) {
    auto& self = *static_cast<CurlHttp*>(context);
    epoll_event event = {};
    event.data.fd = socket;
    if ((what & CURL_POLL_IN) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0 && what != CURL_POLL_REMOVE) event.events |= EPOLLOUT;
    const int set = self.sockets_.native_handle();
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(set, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    if (known == nullptr) {
      if (epoll_ctl(set, EPOLL_CTL_ADD, socket, &event) != 0)
        epoll_ctl(set, EPOLL_CTL_MOD, socket, &event);
      curl_multi_assign(self.multi_, socket, &self);
    } else {
      epoll_ctl(set, EPOLL_CTL_MOD, socket, &event);
    }
    self.watch();
    return 0;
  }

  void watch() {
    if (watching_) return;
    watching_ = true;
    sockets_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [this, alive = alive_](error_code ec) {
                          if (!*alive) return;
                          watching_ = false;
                          if (!ec) ready();
                          if (active_ > 0) watch();
                        });
  }

  // With no transfer under way nothing is waited for, so that the executor can run out of work.
  void rest() {
    sockets_.cancel();
    timer_.cancel();
    armed_ = false;
  }

  void ready() {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(sockets_.native_handle(), events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      int mask = 0;
      if ((event.events & EPOLLIN) != 0) mask |= CURL_CSELECT_IN;
      if ((event.events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) mask |= CURL_CSELECT_ERR;
      int running = 0;
      curl_multi_socket_action(multi_, event.data.fd, mask, &running);
    }
    collect();
  }

  // libcurl may not be called from inside this callback: arm only. A timer that is due earlier than
  // asked for does no harm, so an armed one is left alone.
  static int on_timer(CURLM* /*multi*/, long timeout_ms, void* context) {
    auto& self = *static_cast<CurlHttp*>(context);
    if (timeout_ms < 0) return 0;
    if (timeout_ms == 0) {
      self.kick();
      return 0;
    }
    const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    if (self.armed_ && self.timer_.expiry() <= due) return 0;
    self.arm(due);
    return 0;
  }

  void kick() {
    if (kicked_) return;
    kicked_ = true;
    asio::post(executor_, [this, alive = alive_] {
      if (!*alive) return;
      kicked_ = false;
      time_out();
    });
  }

  void arm(asio::steady_timer::time_point due) {
    armed_ = true;
    timer_.expires_at(due);
    timer_.async_wait([this, alive = alive_](error_code ec) {
      if (!*alive || ec) return;
      armed_ = false;
      time_out();
      long next_ms = -1;
      curl_multi_timeout(multi_, &next_ms);
      if (next_ms >= 0 && !armed_ && active_ > 0)
        arm(std::chrono::steady_clock::now() + std::chrono::milliseconds(std::max(next_ms, 1L)));
    });
  }

  void time_out() {
    int running = 0;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    collect();
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->done.try_send(error_code{}, message->data.result);
    }
  }

  asio::any_io_executor executor_;
  asio::steady_timer timer_;
  asio::posix::stream_descriptor sockets_;
  CURLM* multi_;
  std::vector<Handle> idle_;
  KeptConnections kept_;
  int active_ = 0;
  bool watching_ = false;
  bool armed_ = false;
  bool kicked_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Http> create_curl_http(asio::any_io_executor executor, int connections_max) {
  return std::make_unique<CurlHttp>(std::move(executor), connections_max);
}

}  // namespace loa
