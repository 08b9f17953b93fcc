// The progress of a sending, on stderr: a bar at 4 Hz on a terminal, a line every 10 s elsewhere.
#pragma once

#include <string>

#include "async/clock.hpp"
#include "dispatch/dispatcher.hpp"

namespace loa {

class Progress final : public DispatchObserver {
 public:
  Progress(Clock& clock, const CampaignRecord& record);

  void note(const std::string& message) override;

  // Shows until stop().
  Task<void> show();
  void stop();
  Clock& clock() { return clock_; }

 private:
  void draw();
  std::string line() const;

  Clock& clock_;
  const CampaignRecord& record_;
  std::unique_ptr<Alarm> alarm_;
  bool terminal_;
  bool drawn_ = false;
  bool stopped_ = false;
  Tick began_;
  std::uint64_t done_before_;
};

}  // namespace loa
