#include "config/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/secret.hpp"

namespace loa {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string first_fault(const Faults& faults) {
  if (faults.all().empty()) return "";
  const Fault& fault = faults.all().front();
  return to_string(fault.place) + ": " + fault.text;
}

TEST(Document, KeepsWhatWasWritten) {
  Faults faults;
  const auto node =
      parse_document("a: no\nb: 017\nc: \"yes\"\nd: [1, x]\ne:\nf: {g: ''}\n", "f.yaml", faults);
  ASSERT_TRUE(node) << first_fault(faults);
  EXPECT_EQ(node->find("a")->scalar(), "no");
  EXPECT_EQ(node->find("b")->scalar(), "017");
  EXPECT_TRUE(node->find("c")->quoted());
  EXPECT_FALSE(node->find("a")->quoted());
  EXPECT_EQ(node->find("d")->items().at(1).scalar(), "x");
  EXPECT_EQ(node->find("e")->kind(), Node::Kind::null);
  EXPECT_EQ(node->find("f")->find("g")->scalar(), "");
  EXPECT_EQ(node->find("none"), nullptr);
  EXPECT_EQ(node->entries().size(), 6U);
}

TEST(Document, PlacesCountCharactersFromOne) {
  Faults faults;
  const auto node =
      parse_document("\xEF\xBB\xBFtên: x\nmục: {ổi: 'một'}\nlist:\n\n  - a\n", "f.yaml", faults);
  ASSERT_TRUE(node) << first_fault(faults);
  const Node& value = *node->find("mục")->find("ổi");
  EXPECT_EQ(value.place(), (Place{"f.yaml", 2, 11}));
  EXPECT_EQ(value.width(), 5);
  EXPECT_EQ(node->entries()[1].key_place, (Place{"f.yaml", 2, 1}));
  // A block list points at its key, not at its first item.
  EXPECT_EQ(node->find("list")->place(), (Place{"f.yaml", 3, 1}));
}

struct Refusal {
  const char* name;
  std::string text;
  const char* fault;
};

TEST(Document, RefusesWithPlaceAndWords) {
  std::string deep;
  for (int i = 0; i < 17; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  const Refusal table[] = {
      {"empty", "", "f.yaml:1:1: the file is empty"},
      {"comment only", "# x\n", "the file is empty"},
      {"duplicate key", "a: 1\nb: 2\na: 3\n",
       "f.yaml:3:1: the key 'a' stands twice, first in line 1"},
      {"duplicate key, flow", "{a: 1, a: 2}", "f.yaml:1:8: the key 'a' stands twice"},
      {"anchor", "a: &x 1\n", "f.yaml:1:4: anchors (&x)"},
      {"alias", "a: &x 1\nb: *x\n", "anchors"},
      {"alias to nothing", "b: *x\n", "not YAML"},
      {"tag", "a: !!str 1\n", "f.yaml:1:4: tags"},
      {"own tag", "a: !x {b: 1}\n", "tags"},
      {"bare tag", "a: ! b\n", "tags"},
      {"tag on key", "!!str a: b\n", "tags"},
      {"depth, block", deep + std::string(17, ' ') + "x: 1\n", "more than 16 levels"},
      {"depth, flow", std::string(17, '[') + std::string(17, ']'), "more than 16 levels"},
      {"depth, dashes", "- - - - - - - - - - - - - - - - - x", "more than 16 levels"},
      {"brackets", std::string(1000, '['), "f.yaml:1:65: more than 64 open brackets"},
      {"size", "a: " + std::string(256 * 1024, 'x'), "larger than 256 KiB"},
      {"not UTF-8", "a: b\nc: \xC3(", "f.yaml:2:4: not UTF-8"},
      {"UTF-16",
       "\xFF\xFE"
       "a",
       "f.yaml:1:1: not UTF-8"},
      {"NUL", std::string("a: \0b", 5), "f.yaml:1:4: a NUL byte"},
      {"NUL escape", "a: \"\\0\"\n", "NUL character"},
      {"list as key", "? [a]\n: b\n", "cannot be a key"},
      {"map as key", "{a: 1}: b\n", "cannot be a key"},
      {"null as key", "~: b\n", "a key is missing"},
      {"two documents", "a: 1\n---\nb: 1\n", "one document a file"},
      {"syntax", "a: b: c\n", "f.yaml:1:5:"},
      {"tab", "a:\n\tb: c\n", "f.yaml:2:"},
      {"open quote", "a: \"b\\\"\n", "f.yaml:1:4: this quote is never closed"},
      {"open single quote", "a: 'b''\n", "never closed"},
  };
  for (const Refusal& row : table) {
    SCOPED_TRACE(row.name);
    Faults faults;
    EXPECT_FALSE(parse_document(row.text, "f.yaml", faults));
    EXPECT_THAT(first_fault(faults), HasSubstr(row.fault));
  }
}

TEST(Document, RefusesHostileInputFast) {
  std::string closed;
  while (closed.size() < 250'000) closed += "[\"]\",";
  std::string anchors;
  for (int i = 0; anchors.size() < 250'000; ++i) anchors += "- &a" + std::to_string(i) + " x\n";
  std::string keys = "{";
  for (int i = 0; keys.size() < 250'000; ++i) keys += "k" + std::to_string(i) + ": 1, ";
  for (const std::string& text :
       {std::string(1 << 20, '['), std::string(250'000, '{'), closed, anchors, keys,
        std::string(250'000, '?'), std::string(250'000, '-'), std::string(250'000, ':')}) {
    Faults faults;
    const auto start = std::chrono::steady_clock::now();
    const auto node = parse_document(text, "f.yaml", faults);
    const auto taken = std::chrono::steady_clock::now() - start;
    EXPECT_LT(taken, std::chrono::seconds(2)) << text.substr(0, 20);
    EXPECT_LE(faults.errors(), 50U);
  }
}

TEST(Document, FindsSeveralFaultsAtOnce) {
  Faults faults;
  EXPECT_FALSE(parse_document("a: &x 1\na: !y 2\nb: 1\nb: 2\n", "f.yaml", faults));
  EXPECT_EQ(faults.errors(), 4U);
}

TEST(Document, FilesThatCannotBeRead) {
  Faults faults;
  EXPECT_FALSE(load_document("/nowhere/x.yaml", faults));
  EXPECT_FALSE(load_document("/tmp", faults));
  ASSERT_EQ(faults.errors(), 2U);
  EXPECT_EQ(faults.all()[0].text, "the file cannot be opened: No such file or directory");
  EXPECT_EQ(faults.all()[1].text, "the file is a folder; a file is needed");
}

TEST(MapReader, ReadsEveryKind) {
  Faults faults;
  const auto node = parse_document(
      "text: a\nnumber: -5\ndecimal: 0.25\nflag: true\nlist: [a, b]\none: c\nchoice: two\nempty: "
      "''\n",
      "f.yaml", faults);
  ASSERT_TRUE(node);
  MapReader reader(*node, "thing", faults);
  EXPECT_EQ(reader.text("text"), "a");
  EXPECT_EQ(reader.integer_or("number", 0, -9, 9), -5);
  EXPECT_EQ(reader.decimal_or("decimal", 0, 0, 1), 0.25);
  EXPECT_TRUE(reader.flag_or("flag", false));
  EXPECT_THAT(reader.texts_or_empty("list"), ElementsAre("a", "b"));
  EXPECT_THAT(reader.texts_or_empty("one"), ElementsAre("c"));
  EXPECT_EQ(reader.choice_or("choice", 0, {"one", "two"}), 1U);
  EXPECT_EQ(reader.text_or("empty", "x"), "");
  EXPECT_EQ(reader.text_or("absent", "x"), "x");
  EXPECT_EQ(reader.integer_or("absent", 7, 0, 9), 7);
  reader.finish();
  EXPECT_TRUE(faults.ok()) << first_fault(faults);
}

TEST(MapReader, NamesWhatIsWrong) {
  struct Row {
    const char* text;
    void (*read)(MapReader&);
    const char* fault;
  };
  const Row table[] = {
      {"a: 1", [](MapReader& r) { r.text("b"); }, "f.yaml:1:1: thing: the key 'b' is missing"},
      {"a:", [](MapReader& r) { r.text("a"); }, "'a' is empty"},
      {"a: ''", [](MapReader& r) { r.text("a"); }, "'a' is empty"},
      {"a: [b]", [](MapReader& r) { r.text("a"); }, "f.yaml:1:4: thing: 'a' is a list"},
      {"a: {b: c}", [](MapReader& r) { r.text_or("a", ""); }, "'a' is a map"},
      {"a: 017", [](MapReader& r) { r.integer_or("a", 0, 0, 99); }, "whole number from 0 to 99"},
      {"a: 1.5", [](MapReader& r) { r.integer_or("a", 0, 0, 99); }, "it is '1.5'"},
      {"a: 100", [](MapReader& r) { r.integer_or("a", 0, 0, 99); }, "from 0 to 99"},
      {"a: 99999999999999999999", [](MapReader& r) { r.integer_or("a", 0, 0, 99); },
       "from 0 to 99"},
      {"a: nan", [](MapReader& r) { r.decimal_or("a", 0, 0, 9); }, "must be a number"},
      {"a: -1", [](MapReader& r) { r.decimal_or("a", 0, 0, 9); }, "from 0 to 9"},
      {"a: yes", [](MapReader& r) { r.flag_or("a", false); }, "true or false, it is 'yes'"},
      {"a: [b, {c: d}]", [](MapReader& r) { r.texts_or_empty("a"); }, "'a' is a map"},
      {"a: higj", [](MapReader& r) { r.choice_or("a", 0, {"low", "high"}); },
       "did you mean 'high'?"},
      {"axis: 1", [](MapReader& r) { r.optional("b"), r.finish(); }, "the keys are b"},
      {"shedule: 1", [](MapReader& r) { r.optional("schedule"), r.finish(); },
       "f.yaml:1:1: thing: the key 'shedule' is not known; did you mean 'schedule'?"},
      {"[a]", [](MapReader& r) { r.finish(); }, "thing must be a map"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.text);
    Faults faults;
    const auto node = parse_document(row.text, "f.yaml", faults);
    ASSERT_TRUE(node);
    MapReader reader(*node, "thing", faults);
    row.read(reader);
    EXPECT_EQ(faults.errors(), 1U);
    EXPECT_THAT(first_fault(faults), HasSubstr(row.fault));
  }
}

std::optional<SecretRef> secret_ref(const std::string& text, const std::string& file,
                                    Faults& faults) {
  const auto node = parse_document(text, file, faults);
  return node ? read_secret_ref(*node, faults) : std::nullopt;
}

TEST(Secret, OnlyByReference) {
  struct Row {
    const char* text;
    const char* fault;
  };
  const Row table[] = {
      {"hunter2", "a secret is named, not written"},
      {"{}", "a secret is named, not written"},
      {"{env: A, file: b}", "a secret is named, not written"},
      {"{enf: A}", "did you mean 'env'?"},
      {"{env: ''}", "'env' is empty"},
      {"{credential: ../x}", "holds no '/'"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.text);
    Faults faults;
    EXPECT_FALSE(secret_ref(row.text, "loa.yaml", faults));
    EXPECT_THAT(first_fault(faults), HasSubstr(row.fault));
    EXPECT_THAT(first_fault(faults), testing::Not(HasSubstr("hunter2")));
  }
}

class SecretFiles : public testing::Test {
 protected:
  SecretFiles() { std::filesystem::create_directories(folder_); }
  ~SecretFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Result<Secret> fetched(const std::string& text) const {
    Faults faults;
    const auto ref = secret_ref(text, (folder_ / "loa.yaml").string(), faults);
    return ref ? fetch(*ref) : fail(Code::internal, first_fault(faults));
  }

  std::filesystem::path folder_ = std::filesystem::path(testing::TempDir()) / "loa_secret_test";
};

TEST_F(SecretFiles, FetchesFromEachPlace) {
  write("vina", "s3cret\r\n");
  ::setenv("LOA_TEST_SECRET", "from env", 1);
  ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  EXPECT_EQ(fetched("{file: vina}")->reveal(), "s3cret");
  EXPECT_EQ(fetched("{env: LOA_TEST_SECRET}")->reveal(), "from env");
  EXPECT_EQ(fetched("{credential: vina}")->reveal(), "s3cret");
}

TEST_F(SecretFiles, SaysWhereItLooked) {
  write("empty", "\n");
  write("long", std::string(5000, 'x'));
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_THAT(fetched("{file: none}").error().text, HasSubstr((folder_ / "none").string()));
  EXPECT_THAT(fetched("{file: .}").error().text, HasSubstr("is a folder"));
  EXPECT_THAT(fetched("{file: empty}").error().text, HasSubstr("is empty"));
  EXPECT_THAT(fetched("{file: long}").error().text, HasSubstr("longer than 4096"));
  EXPECT_THAT(fetched("{env: LOA_TEST_NO_SUCH}").error().text,
              HasSubstr("LOA_TEST_NO_SUCH is not set"));
  EXPECT_THAT(fetched("{credential: vina}").error().text, HasSubstr("LoadCredential=vina"));
  EXPECT_EQ(fetched("{file: none}").error().code, Code::config);
}

}  // namespace
}  // namespace loa
