// Live events for many readers (server-sent events, WHATWG HTML 9.2). What changes often is told as
// it is at the moment, at most twice a second for each campaign, and written once for all readers.
//
//   campaign   the summary of a campaign that changed          topics=campaigns
//   gateway    a gateway whose view changed                    topics=gateways
//   record     a line of the journal, all of them in order     topics=record
//   reset      what was missed is not remembered: read anew
//
// The id of an event is the number of a journal line. Who comes back with it as Last-Event-ID is
// told what changed since.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/access.hpp"
#include "async/task_group.hpp"
#include "desk/desk.hpp"
#include "net/http_message.hpp"

namespace loa {

struct Topics {
  bool campaigns = false;
  bool gateways = false;
  bool record = false;
  std::string campaign;  // this one only, "" for all
};

class EventHub {
 public:
  EventHub(asio::any_io_executor executor, Clock& clock, Desk& desk, Access& access);
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  // Tells `stream` from now on, and first what came after `last_seen`.
  void add(std::shared_ptr<HttpStream> stream, Identity who, Topics topics,
           std::optional<std::uint64_t> last_seen);

  std::size_t readers() const { return readers_.size(); }

  // Ends the streams, and returns when nothing is under way.
  Task<void> stop();

 private:
  struct Reader {
    std::shared_ptr<HttpStream> stream;
    Identity who;
    Topics topics;
  };
  using Bytes = std::shared_ptr<const std::string>;

  void take(const Change& change);
  Task<void> run();
  void flush();
  void tell_campaigns(Tick now);
  void tell_gateways();
  void catch_up(const Reader& reader, std::uint64_t last_seen);
  void drop_readers();
  Bytes campaign_event(const std::string& id);

  Clock& clock_;
  Desk& desk_;
  Access& access_;
  std::vector<Reader> readers_;

  std::uint64_t lsn_ = 0;
  std::set<std::string> changed_;            // campaigns not told of yet
  std::map<std::string, Tick> told_;         // when each was, for as long as that matters
  std::map<std::string, std::string> seen_;  // each gateway's view as it was told
  std::string record_;                       // events not sent yet
  bool any_change_ = false;

  std::unique_ptr<Alarm> alarm_;
  bool stopping_ = false;
  Desk::Subscription subscription_;
  TaskGroup tasks_;
};

// One event; `data` has no line ends.
std::string format_event(std::string_view name, std::uint64_t id, std::string_view data);

}  // namespace loa
