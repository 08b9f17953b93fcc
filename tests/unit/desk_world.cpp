#include "unit/desk_world.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <numeric>

namespace loa::desk_test {
namespace fs = std::filesystem;

namespace {

// The system's disk, which forgets nothing when a process ends: so it need not be waited for.
class QuickDisk final : public Disk {
 public:
  explicit QuickDisk(const DeskWorld& world) : world_(world) {}

  bool dead = false;  // of a process that is no more

  Result<void> make_directory(const std::string& path, unsigned mode) override {
    return real_->make_directory(path, mode);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return real_->list(directory);
  }
  Result<std::unique_ptr<DiskFile>> create(const std::string& path,
                                           std::uint64_t reserve) override {
    if (const auto failed = failure(true)) return fail(*failed);
    auto file = real_->create(path, reserve);
    if (!file) return file;
    return std::make_unique<File>(*this, std::move(*file));
  }
  Result<std::unique_ptr<DiskFile>> open(const std::string& path, bool writable) override {
    auto file = real_->open(path, writable);
    if (!file) return file;
    return std::make_unique<File>(*this, std::move(*file));
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (const auto failed = failure(false)) return fail(*failed);
    return real_->rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (const auto failed = failure(false)) return fail(*failed);
    return real_->remove(path);
  }
  Result<void> sync_directory(const std::string&) override { return {}; }

 private:
  class File final : public DiskFile {
   public:
    File(const QuickDisk& disk, std::unique_ptr<DiskFile> file)
        : disk_(disk), file_(std::move(file)) {}
    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      if (const auto failed = disk_.failure(true)) return fail(*failed);
      return file_->write_at(offset, bytes);
    }
    Result<std::string> read_at(std::uint64_t offset, std::size_t size) override {
      return file_->read_at(offset, size);
    }
    Result<std::uint64_t> size() override { return file_->size(); }
    Result<void> sync() override { return {}; }

   private:
    const QuickDisk& disk_;
    std::unique_ptr<DiskFile> file_;
  };

  std::optional<Error> failure(bool needs_room) const {
    if (dead || world_.disk_dead) return Error{Code::io, "Input/output error"};
    if (needs_room && world_.disk_full) return Error{Code::cannot_write, "No space left on device"};
    return std::nullopt;
  }

  const DeskWorld& world_;
  std::unique_ptr<Disk> real_ = create_system_disk();
};

std::string parameter(const std::string& url, const std::string& name) {
  const std::size_t at = url.find(name + "=");
  if (at == std::string::npos) return "";
  std::string value;
  for (std::size_t i = at + name.size() + 1; i < url.size() && url[i] != '&'; ++i) {
    if (url[i] == '%') {
      value += static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      value += url[i] == '+' ? ' ' : url[i];
    }
  }
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (const char c : " " + text) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// A Kannel for each gateway.
class Kannel final : public Http {
 public:
  Kannel(Clock& clock, Carriers& carriers, std::function<void(const std::string& text)> look)
      : clock_(clock), carriers_(carriers), look_(std::move(look)) {}

  Task<HttpReply> perform(const HttpCall& call) override {
    const std::string gateway = call.url.find("vina") != std::string::npos ? "vina" : "mobi";
    const std::vector<std::string> numbers = split(parameter(call.url, "to"));
    const std::string text = parameter(call.url, "text");
    look_(text);
    ++carriers_.requests;
    HttpReply reply = carriers_.script ? carriers_.script(gateway, numbers) : Carriers::take();
    if (reply.transport != Transport::not_sent)
      for (const std::string& number : numbers)
        carriers_.arrivals.push_back({gateway, text, number, clock_.now()});
    if (reply.status == 202)
      for (const std::string& number : numbers)
        ++carriers_.taken[fmt::format("{} {}", text, number)];
    const auto alarm = clock_.make_alarm();
    co_await alarm->wait_until(clock_.now() + carriers_.delay);
    co_return reply;
  }

 private:
  Clock& clock_;
  Carriers& carriers_;
  std::function<void(const std::string& text)> look_;
};

struct Notes final : DispatchObserver {
  explicit Notes(std::vector<std::string>& to) : all(to) {}
  std::vector<std::string>& all;
  void note(const std::string& message) override { all.push_back(message); }
};

Task<Result<void>> open_record(Recorder& recorder, Event opened) {
  Result<void> durable = co_await recorder.commit(opened);
  co_return durable;
}

Task<void> live(CampaignsDesk& desk, Dispatcher& dispatcher,
                std::shared_ptr<std::optional<Result<void>>> ended) {
  Result<void> ran = co_await desk.run();
  co_await dispatcher.close();
  *ended = std::move(ran);
}

}  // namespace

std::vector<std::string> Carriers::numbers_of(const std::string& text) const {
  std::vector<std::string> numbers;
  for (const Arrival& arrival : arrivals)
    if (arrival.text.starts_with(text)) numbers.push_back(arrival.number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string Written::yaml() const {
  std::string document = "campaign: " + id + "\ntitle: Canh bao " + id +
                         "\nclass: public_info\nsender: CALANGSON\naudience: {files: [" + files +
                         "]}\nmessage: {text: \"" + (text.empty() ? id : text) + "\"}\n";
  if (!schedule.empty()) document += "schedule:\n";
  for (const std::string& line : schedule) document += "  " + line + "\n";
  for (const std::string& line : more) document += line + "\n";
  return document;
}

// One life of the process.
struct DeskWorld::Life {
  explicit Life(DeskWorld& world)
      : clock(context, kMorning + std::chrono::floor<std::chrono::microseconds>(world.wall_set_),
              world.elapsed_),
        random(create_seeded_random(world.lives_ + 1)),
        disk(world),
        carriers(clock, world.carriers, [this](const std::string& text) { look_at(text); }),
        notes(world.notes),
        sync_time(world.sync_time),
        workers(std::make_unique<Workers>(1)) {}

  ~Life() {
    disk.dead = true;
    workers.reset();  // what it works on is still there
    context.abandon();
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  void begin(DeskWorld& world) {
    const std::string data = world.settings.data;
    ASSERT_TRUE(prepare_store(disk, data));
    store = read_store(disk, data, kZone);
    ASSERT_TRUE(store) << store.error().text;
    auto opened = open_journal(
        context.get_executor(), disk, journal_directory(data), store->end,
        {.writer = {.epoch = world.lives_ + 1,
                    .segment_size = 64 * kBlockAlign,
                    .keep_segments = {}},
         .background = [this](Duration wait,
                              std::function<void()> job) { background(wait, std::move(job)); },
         .note = [this](const std::string& text) { notes.note(text); }});
    ASSERT_TRUE(opened) << opened.error().text;
    journal = std::move(*opened);
    recorder.emplace(store->record, *journal, 50);
    Event opening;
    opening.at = clock.wall();
    asio::co_spawn(context, open_record(*recorder, opening),
                   [](const std::exception_ptr& failure, const Result<void>& durable) {
                     EXPECT_FALSE(failure);
                     EXPECT_TRUE(durable);
                   });
    clock.run(milliseconds(10), [this] { settle(); });
    std::vector<OpenGateway> open;
    open.reserve(world.gateways.size());
    for (const Gateway& gateway : world.gateways)
      open.push_back({gateway, {{{"user", "u"}, {"password", "p"}}}});
    dispatcher = std::make_unique<Dispatcher>(
        Dispatcher::World{context.get_executor(), clock, *random, *recorder, carriers, notes},
        std::move(open));
    DeskSettings with = world.settings;
    with.gateways = world.gateways;
    desk = std::make_unique<CampaignsDesk>(
        CampaignsDesk::World{context.get_executor(), clock, disk, *recorder, *dispatcher, *workers,
                             notes},
        std::move(with));
    asio::co_spawn(context, live(*desk, *dispatcher, ended),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
    settle();
  }

  // All that needs no time: of this thread, and of the one that works.
  void settle() {
    for (;;) {
      context.restart();
      const std::size_t done = context.poll();
      if (workers->pending() > 0) {
        context.run_one();
      } else if (done == 0) {
        return;
      }
    }
  }

  // The journal's writer: a moment later, in the same thread.
  void background(Duration wait, std::function<void()> job) {
    asio::co_spawn(context, later(clock, wait + sync_time, std::move(job)),
                   [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  }
  static Task<void> later(Clock& clock, Duration wait, std::function<void()> job) {
    const auto alarm = clock.make_alarm();
    co_await alarm->wait_until(clock.now() + wait);
    job();
  }

  // Nothing leaves that was not approved, or whose time has not come or is over.
  void look_at(const std::string& text) {
    const std::string id = text.substr(0, text.find(' '));
    const auto& campaigns = store->record.campaigns();
    const bool allowed = std::any_of(campaigns.begin(), campaigns.end(), [&](const auto& one) {
      return (one.first == id || one.first.starts_with(id + "-")) && one.second.life.begun &&
             !one.second.life.approved_by.empty() && !one.second.open.empty();
    });
    EXPECT_TRUE(allowed) << "sent without an approval, or without an intent: " << text;
  }

  MortalContext context;
  VirtualClock clock;
  std::unique_ptr<Random> random;
  QuickDisk disk;
  Kannel carriers;
  Notes notes;
  const Duration& sync_time;
  std::unique_ptr<Workers> workers;
  Result<StoreContents> store = fail(Code::internal, "not read yet");
  std::unique_ptr<Journal> journal;
  std::optional<Recorder> recorder;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<CampaignsDesk> desk;
  std::shared_ptr<std::optional<Result<void>>> ended =
      std::make_shared<std::optional<Result<void>>>();
};

DeskWorld::DeskWorld() {
  std::string pattern = testing::TempDir() + "loa-desk-XXXXXX";
  directory_ = ::mkdtemp(pattern.data());
  Faults faults;
  settings.data = directory_ + "/data";
  settings.zone = kZone;
  settings.templates = directory_ + "/templates";
  settings.incoming = directory_ + "/incoming";
  settings.numbering = NumberingPlan::load(LOA_PROJECT "/config/networks.yaml", faults);
  const Profile profile = Profile::load(LOA_PROJECT "/config/profiles/kannel-sendsms.yaml", faults);
  EXPECT_TRUE(faults.ok());
  for (const auto& [name, network] :
       {std::pair("vina", "vinaphone"), std::pair("mobi", "mobifone")}) {
    Gateway gateway;
    gateway.name = name;
    gateway.profile = profile;
    gateway.url = std::string("http://") + name;
    gateway.networks = {network};
    gateway.limits.messages_per_second = 100;
    gateway.limits.in_flight = 4;
    gateway.batch = 10;
    gateways.push_back(gateway);
  }
  for (const char* name : {"templates", "incoming"}) fs::create_directory(path(name));
  people("people.csv", 60);
  start();
}

DeskWorld::~DeskWorld() {
  life_.reset();
  fs::remove_all(directory_);
}

void DeskWorld::crash() {
  if (!life_) return;
  elapsed_ = life_->clock.now() - Tick{};
  life_.reset();
}

void DeskWorld::start() {
  ++lives_;
  life_ = std::make_unique<Life>(*this);
  life_->begin(*this);
}

void DeskWorld::slow_down() {
  for (Gateway& gateway : gateways) {
    gateway.limits.messages_per_second = 2;
    gateway.batch = 1;
  }
  carriers.delay = milliseconds(500);
  restart();
}

void DeskWorld::drain() {
  life_->desk->drain();
  for (int i = 0; i < 600 && !*life_->ended; ++i) pass(milliseconds(100));
  EXPECT_TRUE(*life_->ended) << "it does not end";
  crash();
}

void DeskWorld::pass(Duration time) {
  const auto slept = begin([](Clock& clock, Tick until) -> Task<bool> {
    const auto alarm = clock.make_alarm();
    co_await alarm->wait_until(until);
    co_return true;
  }(life_->clock, life_->clock.now() + time));
  life_->clock.run(time, [this] { life_->settle(); });
}

void DeskWorld::skip(Duration time) {
  constexpr Duration kNoticed = seconds(12);  // somebody has looked at the clock
  while (time > Duration{0}) {
    const Duration step = std::min<Duration>(time, minutes(5));  // so that nothing is late
    if (step > kNoticed) set_wall(step - kNoticed);
    pass(std::min(step, kNoticed));
    time -= step;
  }
}

void DeskWorld::set_wall(Duration by) {
  wall_set_ += by;
  if (life_) life_->clock.set_by(by);
}

Instant DeskWorld::wall() const {
  const Duration elapsed = life_ ? life_->clock.now() - Tick{} : elapsed_;
  return kMorning + std::chrono::floor<std::chrono::microseconds>(wall_set_ + elapsed);
}

std::optional<Result<void>> DeskWorld::ended() const { return *life_->ended; }

Desk& DeskWorld::desk() { return *life_->desk; }
CampaignsDesk& DeskWorld::campaigns_desk() { return *life_->desk; }
const Record& DeskWorld::record() { return life_->store->record; }
Dispatcher& DeskWorld::dispatcher() { return *life_->dispatcher; }
asio::io_context& DeskWorld::context() { return life_->context; }
void DeskWorld::settle() { life_->settle(); }

Submission DeskWorld::submission(const std::string& yaml) const {
  return {.document = yaml, .name = "a.yaml", .folder = path("incoming"), .audience = {}};
}

Answer<Submitted> DeskWorld::submit(const std::string& yaml, const Actor& author) {
  return wait(desk().submit(author, submission(yaml)));
}

Answer<CampaignView> DeskWorld::act(const Actor& actor, const std::string& campaign, Act act,
                                    ActInput input) {
  return wait(desk().act(actor, campaign, act, std::move(input)));
}

Answer<CampaignView> DeskWorld::approve(const std::string& campaign, const Actor& actor) {
  ActInput input;
  input.plan = view(campaign).plan;
  return act(actor, campaign, Act::approve, input);
}

CampaignView DeskWorld::view(const std::string& campaign) {
  const Answer<CampaignView> found = desk().campaign(campaign);
  EXPECT_TRUE(found) << words(found);
  return found ? *found : CampaignView{};
}

void DeskWorld::bring(const Written& written) {
  const auto submitted = submit(written);
  ASSERT_TRUE(submitted) << words(submitted);
  const auto approved = approve(written.id);
  ASSERT_TRUE(approved) << words(approved);
}

void DeskWorld::people(const std::string& file, int count, int first) {
  std::string text = "so_dien_thoai\n";
  for (int i = 0; i < count; ++i)
    text += (i % 3 == 0 ? "090" : "091") + std::to_string(first + i) + "\n";
  write("incoming/" + file, text);
}

void DeskWorld::write(const std::string& name, const std::string& text) {
  std::ofstream file(path(name));
  file << text;
}

void DeskWorld::check_sums() {
  for (const CampaignView& view : desk().campaigns()) {
    const auto sum = [](const auto& counts) {
      return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                             [](std::uint64_t all, const auto& one) { return all + one.second; });
    };
    EXPECT_EQ(view.planned,
              view.accepted + sum(view.refused) + view.in_doubt + view.under_way + view.unsent)
        << view.id;
    if (view.plan.empty()) continue;
    EXPECT_EQ(view.audience, sum(view.excluded) + view.planned) << view.id;
    std::uint64_t rows = 0;
    for (const GatewayProgress& one : view.gateways) {
      EXPECT_EQ(one.rows, one.accepted + one.refused + one.in_doubt + one.under_way + one.unsent)
          << view.id;
      rows += one.rows;
    }
    EXPECT_EQ(rows, view.planned) << view.id;
  }
  for (const auto& [message, times] : carriers.taken) EXPECT_EQ(times, 1) << message;
}

}  // namespace loa::desk_test
