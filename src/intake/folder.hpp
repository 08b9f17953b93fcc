// Campaigns that come as files into a folder. Each is submitted when it is whole, and moved away
// when the submission is durable; whoever is killed in between submits it again, which is no
// change. The folder is watched by inotify, and looked through at the start and once a minute
// besides, for what a watch may miss.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "async/workers.hpp"
#include "desk/desk.hpp"
#include "intake/incoming.hpp"

namespace loa {

// Something that whoever watches the daemon should know.
struct FolderNotice {
  enum class Kind { taken, known, refused, trouble, mended };
  Kind kind = Kind::taken;
  std::string file;      // its name, fit to be printed; "" for the folder itself
  std::string campaign;  // of taken and known
  std::string words;     // one line
};

class FolderIntake {
 public:
  using Submit = std::function<Task<Answer<Submitted>>(Actor, Submission)>;

  // All must outlive the intake.
  struct World {
    asio::any_io_executor executor;
    Clock& clock;
    Workers& workers;
    Submit submit;
    std::function<void(const FolderNotice&)> notice;
  };

  FolderIntake(World world, const std::string& folder);
  ~FolderIntake();

  // Until stop(); a submission under way is brought to its end.
  Task<void> run();
  void stop();

  // What keeps campaigns from being taken, in words; nothing when all is well.
  const std::optional<std::string>& trouble() const { return trouble_; }

 private:
  class Watch;
  // What was answered for a file that could not be moved away yet, or that may come later.
  struct Left {
    FileIdentity identity = {};
    bool answered = false;
    std::optional<std::string> faults = {};  // of a refused one
    Tick since = {};                         // not answered: it waits since
    bool told = false;                       // that it waits
  };

  Task<bool> look_through();  // whether there is more than one look finds
  Task<void> take(std::string name, bool closed);
  Task<void> submit(std::string name, IncomingFile file);
  Task<void> move(std::string name, Left left);
  void wait_for(const std::string& name, const FileIdentity& identity);
  void set_trouble(std::optional<std::string> words);
  void say(FolderNotice::Kind kind, const std::string& name, const std::string& words,
           std::string campaign = "") const;

  World world_;
  Incoming incoming_;
  TaskGroup tasks_;
  std::unique_ptr<Alarm> alarm_;
  std::unique_ptr<Watch> watch_;
  std::map<std::string, Left> left_;
  Tick again_ = Tick::max();  // a file is to be looked at again
  std::optional<std::string> trouble_;
  std::optional<std::string> stuck_;  // why a file cannot be moved away
  bool stopping_ = false;
};

}  // namespace loa
