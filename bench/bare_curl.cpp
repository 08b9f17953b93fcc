// The yardstick of bench/compare: a bare libcurl multi loop that sends one GET a message and counts
// the 2xx answers. It also feeds Kannel's smsbox.
// Usage: bare_curl URL_PREFIX FIRST_NUMBER COUNT CONCURRENCY URL_SUFFIX [HEADER ...]
// The request of message i goes to URL_PREFIX + (FIRST_NUMBER + i) + URL_SUFFIX. Prints one JSON
// line.
#include <curl/curl.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::size_t drop_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::uint64_t to_count(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Work {
  std::string prefix;
  std::string suffix;
  std::uint64_t number;
  std::uint64_t left;
};

void start_next(Work& work, CURLM* multi, CURL* easy) {
  --work.left;
  const auto url = work.prefix + std::to_string(work.number++) + work.suffix;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_multi_add_handle(multi, easy);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fputs(
        "usage: bare_curl URL_PREFIX FIRST_NUMBER COUNT CONCURRENCY URL_SUFFIX [HEADER ...]\n",
        stderr);
    return 64;
  }
  Work work{argv[1], argv[5], to_count(argv[2]), to_count(argv[3])};
  const auto count = work.left;
  const auto concurrency = to_count(argv[4]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* const multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(concurrency));

  curl_slist* headers = nullptr;
  for (int i = 6; i < argc; ++i) headers = curl_slist_append(headers, argv[i]);

  const auto start = std::chrono::steady_clock::now();
  std::vector<CURL*> handles;
  for (std::uint64_t i = 0; i < concurrency && work.left > 0; ++i) {
    CURL* const easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 60'000L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    handles.push_back(easy);
    start_next(work, multi, easy);
  }
  std::uint64_t done = 0;
  std::uint64_t accepted = 0;
  while (done < count) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int queued = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      if (message->data.result == CURLE_OK && status / 100 == 2) ++accepted;
      ++done;
      curl_multi_remove_handle(multi, easy);
      if (work.left > 0) start_next(work, multi, easy);
    }
    if (done < count) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;

  for (CURL* const easy : handles) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  curl_global_cleanup();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"messages\":%llu,\"accepted\":%llu,\"seconds\":%.4f,\"cpu_seconds\":%.4f,"
      "\"rss_kib\":%ld}\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(accepted),
      wall.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
  return accepted == count ? 0 : 1;
}
