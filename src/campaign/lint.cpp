#include "campaign/lint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.hpp"
#include "campaign/lint_text.hpp"
#include "config/document.hpp"

namespace loa {
namespace {

const std::vector<std::string> kRules = {"shortener", "link",   "disguise",
                                         "phone",     "sender", "money"};
const std::vector<std::string> kSeverities = {"error", "warning", "off"};
constexpr std::size_t kListMax = 1'000;

// Services that hide where a link leads, of the world and of Vietnam.
constexpr auto kShorteners = std::to_array<std::string_view>(
    {"bit.ly",       "bitly.com",    "j.mp",           "tinyurl.com", "tiny.cc",
     "tiny.one",     "t.co",         "goo.gl",         "g.co",        "forms.gle",
     "ow.ly",        "is.gd",        "v.gd",           "buff.ly",     "rebrand.ly",
     "cutt.ly",      "shorturl.at",  "shorturl.asia",  "shorturl.gg", "rb.gy",
     "t.ly",         "s.id",         "bl.ink",         "adf.ly",      "soo.gd",
     "clck.ru",      "lnkd.in",      "fb.me",          "amzn.to",     "short.io",
     "shorte.st",    "ouo.io",       "u.to",           "x.gd",        "da.gd",
     "tr.im",        "gg.gg",        "kutt.it",        "dub.sh",      "dub.co",
     "urlz.fr",      "goo.su",       "page.link",      "app.link",    "onelink.me",
     "smarturl.it",  "linktr.ee",    "lnk.bio",        "qr.net",      "qrco.de",
     "me-qr.com",    "snip.ly",      "po.st",          "hyperurl.co", "bom.so",
     "shorten.asia", "by.com.vn",    "s.net.vn",       "link1s.com",  "link1s.net",
     "yeumoney.com", "mneylink.com", "traffic123.net", "ln.run"});

constexpr auto kPay = std::to_array<std::string_view>(
    {"chuyen khoan", "chuyen tien", "nop tien", "nop phat", "nop phi", "dong tien", "dong phi",
     "dong phat", "nap tien", "dat coc", "thanh toan"});
constexpr auto kHaste = std::to_array<std::string_view>(
    {"ngay", "gap", "lap tuc", "trong vong", "trong hom nay", "truoc ngay", "truoc gio"});
constexpr auto kThreats = std::to_array<std::string_view>(
    {"neu khong nop", "neu khong chuyen", "neu khong thanh toan", "neu khong dong", "se bi khoa",
     "se bi khoi to", "se bi bat", "bi xu phat them"});
// A sentence with one of these warns of such a demand, and makes none.
constexpr auto kWarning =
    std::to_array<std::string_view>({"khong", "dung", "lua dao", "gia mao", "gia danh", "canh giac",
                                     "mao danh", "tu xung", "ke gian", "thu doan", "neu lo"});

bool is_domain_name(std::string_view name) {
  return name.size() <= 253 && name.find('.') != std::string_view::npos && name.front() != '.' &&
         name.back() != '.' && name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

std::vector<std::string> read_domains(MapReader& reader, std::string_view key) {
  std::vector<std::string> domains = reader.texts_or_empty(key);
  for (const std::string& domain : domains) {
    if (is_domain_name(domain)) continue;
    reader.fault(key,
                 fmt::format("lint: '{}' is no domain: write its name alone in small letters, such "
                             "as congan.langson.gov.vn",
                             domain.substr(0, 64)));
  }
  if (domains.size() > kListMax)
    reader.fault(key, fmt::format("lint: '{}' names more than {}", key, kListMax));
  return domains;
}

bool is_or_below(std::string_view host, std::string_view domain) {
  return host == domain || (host.ends_with(domain) && host.size() > domain.size() &&
                            host[host.size() - domain.size() - 1] == '.');
}

template <class List>
bool covers(const List& domains, std::string_view host) {
  return std::any_of(domains.begin(), domains.end(),
                     [&](std::string_view domain) { return is_or_below(host, domain); });
}

// Not enough to tell whose it is; a service's number is nobody's.
std::string shown_number(const std::string& digits) {
  constexpr std::size_t kShort = 6;
  if (digits.size() <= kShort) return digits;
  return digits.substr(0, 4) + "•••";
}

template <class List>
bool holds_any(std::string_view sentence, const List& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return sentence.find(fmt::format(" {} ", phrase)) != std::string_view::npos;
  });
}

// Haste or a threat about money; the sentence has a blank at both ends and between words.
bool presses_for_money(std::string_view sentence) {
  if (holds_any(sentence, kWarning) && !holds_any(sentence, kThreats)) return false;
  if (sentence.find(" la lua dao ") != std::string_view::npos) return false;
  for (const std::string_view pay : kPay) {
    const std::size_t at = sentence.find(fmt::format(" {} ", pay));
    if (at == std::string_view::npos) continue;
    if (holds_any(sentence, kThreats)) return true;
    if (holds_any(sentence.substr(at), kHaste)) return true;
  }
  return sentence.find(" neu khong ") != std::string_view::npos && holds_any(sentence, kPay) &&
         sentence.find(" bi ") != std::string_view::npos;
}

// Whether the name can be read off words that stand together, some of them left out: CALANGSON off
// "CA tinh Lang Son".
bool spelled(const std::string& name, const std::vector<std::string>& words) {
  constexpr std::size_t kWindow = 8;
  for (std::size_t first = 0; first < words.size(); ++first) {
    std::vector<bool> reached(name.size() + 1, false);
    reached[0] = true;
    for (std::size_t i = first; i < words.size() && i < first + kWindow; ++i)
      for (std::size_t at = name.size(); at-- > 0;)
        if (reached[at] && name.compare(at, words[i].size(), words[i]) == 0)
          reached[at + words[i].size()] = true;
    if (reached[name.size()]) return true;
  }
  return false;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    if (word != ".") text += word;
  return text;
}

class Linter {
 public:
  Linter(const Campaign& campaign, const LintSettings& settings)
      : campaign_(campaign), settings_(settings) {}

  std::vector<LintFinding> run() {
    look(campaign_.message.text);
    if (!campaign_.message.unaccented.empty()) look(campaign_.message.unaccented);
    return std::move(findings_);
  }

 private:
  void find(LintRule rule, const std::string& words) {
    const LintSeverity severity = settings_.severity[static_cast<std::size_t>(rule)];
    if (severity == LintSeverity::off) return;
    LintFinding finding{rule, severity,
                        fmt::format("{} [lint: {}]", printable(words), to_string(rule))};
    const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const LintFinding& one) {
      return one.words == finding.words;
    });
    if (!known) findings_.push_back(std::move(finding));
  }

  void look(const std::string& pattern) {
    const SeenText text = seen_text(pattern);
    for (const FoundLink& link : find_links(text)) look_at(link);
    for (const std::string& number : find_call_numbers(text)) {
      if (std::find(settings_.phones.begin(), settings_.phones.end(), number) !=
          settings_.phones.end())
        continue;
      find(LintRule::phone,
           fmt::format("the text names the number {} to call or to text, which is not in "
                       "lint.phones: remove it, or add it there if it is yours",
                       shown_number(number)));
    }
    const std::vector<std::string> words = folded_words(text);
    look_for_sender(words);
    look_for_money(words);
  }

  void look_at(const FoundLink& link) {
    const std::string host = link.host.substr(0, 80);
    if (!link.disguise.empty())
      find(LintRule::disguise,
           fmt::format("the link to '{}' is disguised: {}", host, link.disguise));
    if (link.from_column) {
      find(LintRule::link,
           "the text holds a link whose domain comes from the audience: write it out");
    } else if (covers(kShorteners, link.host) || covers(settings_.shorteners, link.host)) {
      find(
          LintRule::shortener,
          fmt::format("'{}' shortens links, and nobody sees where they lead: write your own domain",
                      host));
    } else if (!covers(settings_.links, link.host)) {
      find(LintRule::link, fmt::format("the text links to '{}', which is not in lint.links: remove "
                                       "it, or add it there if it is yours",
                                       host));
    }
  }

  void look_for_sender(const std::vector<std::string>& words) {
    std::vector<std::string> names = {campaign_.sender};
    names.insert(names.end(), settings_.names.begin(), settings_.names.end());
    for (const std::string& name : names) {
      const std::string folded = joined(folded_words(seen_text(name)));
      if (!folded.empty() && spelled(folded, words)) return;
    }
    find(LintRule::sender,
         fmt::format("the text does not say who speaks: write '{}' or one of lint.names into it",
                     campaign_.sender));
  }

  void look_for_money(const std::vector<std::string>& words) {
    std::string sentence = " ";
    const auto end = [&] {
      if (presses_for_money(sentence))
        find(LintRule::money,
             "the text presses for money, as frauds do: say what is due, and leave haste and "
             "threats "
             "out");
      sentence = " ";
    };
    for (const std::string& word : words) {
      if (word == ".") {
        end();
      } else {
        sentence += word + " ";
      }
    }
    end();
  }

  const Campaign& campaign_;
  const LintSettings& settings_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::string_view to_string(LintRule rule) { return kRules[static_cast<std::size_t>(rule)]; }

LintSettings read_lint(const Node& node, Faults& faults) {
  LintSettings settings;
  MapReader reader(node, "lint", faults);
  settings.links = read_domains(reader, "links");
  settings.shorteners = read_domains(reader, "shorteners");
  if (reader.optional("phones") != nullptr) {
    settings.phones.clear();
    for (const std::string& phone : reader.texts_or_empty("phones")) {
      std::string digits = national_digits(phone);
      if (digits.size() < 3 || digits.size() > 15)
        reader.fault("phones", "lint: a number in 'phones' has 3 to 15 digits, in quotes");
      settings.phones.push_back(std::move(digits));
    }
  }
  settings.names = reader.texts_or_empty("names");
  if (settings.phones.size() > kListMax || settings.names.size() > kListMax)
    faults.error(node.place(), fmt::format("lint: a list names more than {}", kListMax));
  if (const Node* rules = reader.optional("rules")) {
    MapReader severities(*rules, "lint, rules", faults);
    for (std::size_t i = 0; i < kLintRules; ++i)
      settings.severity[i] = static_cast<LintSeverity>(severities.choice_or(
          kRules[i], static_cast<std::size_t>(settings.severity[i]), kSeverities));
    severities.finish();
  }
  reader.finish();
  return settings;
}

std::vector<LintFinding> lint(const Campaign& campaign, const LintSettings& settings) {
  return Linter(campaign, settings).run();
}

void lint(const Campaign& campaign, const Node& document, const LintSettings& settings,
          Faults& faults) {
  const Node* at = document.find("message");
  const Node* text = nullptr;
  for (const std::string_view key : {"text", "template"})
    if (at != nullptr && text == nullptr) text = at->find(key);
  if (text != nullptr) at = text;
  const Node& node = at != nullptr ? *at : document;
  for (const LintFinding& finding : lint(campaign, settings)) {
    if (finding.severity == LintSeverity::error) {
      faults.error(node.place(), "message: " + finding.words, node.width());
    } else {
      faults.warning(node.place(), "message: " + finding.words, node.width());
    }
  }
}

}  // namespace loa
