// A profile: the declarative description of one carrier protocol, read from YAML
// (config/profiles/). It knows how to render a batch as an HTTP request and how to read the answer;
// it knows no account and no secret. The language is described in config/profiles/README.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.hpp"
#include "base/number.hpp"
#include "base/time.hpp"
#include "campaign/campaign.hpp"
#include "text/parts.hpp"

namespace loa {

// What an answer means; everything the dispatcher does follows from it.
enum class AnswerClass {
  ok,         // accepted
  duplicate,  // accepted earlier
  retry,      // not accepted, try again later
  throttle,   // not accepted, we are too fast
  window,     // not accepted, outside the carrier's hours
  hold,       // not accepted, something with the account: stop the lane, tell the operator
  recipient,  // this number is refused for good
  message,    // the text is refused: stop the campaign
  split,      // one element spoils the batch
  reroute,    // the number belongs to another network
  in_doubt,   // the answer cannot be read, or says nothing of this row
  unknown,  // an answer that no rule names: stop the lane; it may have been accepted. Not for rules
};
std::string_view to_string(AnswerClass value);

enum class BatchMode { single, join, array, items };

struct BatchRow {
  E164 number = 0;
  std::string_view
      id;  // the row's own reference, unique in the campaign; for gateways that echo it
  std::string_view text;  // already in the batch's encoding
};

struct Batch {
  std::string_view reference;  // the request's id (idempotency key), [a-z2-7]{26}
  std::string_view sender;
  MessageClass message_class = MessageClass::public_info;
  Encoding encoding = Encoding::gsm7;
  std::span<const BatchRow> rows;  // not empty; in modes join and array all have the same text
  std::string_view registered_template;  // "" for the account's default
  std::span<const std::string_view>
      parameters;  // of the registered text; the whole text when default
};

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::string_view body;
  std::string_view retry_after;  // the header's value, "" when absent
  bool end_stated = true;        // by a length; else the body may be cut
};

// What the answer says of each row of the batch. `rows` is empty when the whole batch shares
// `whole`.
struct Verdict {
  struct Row {
    AnswerClass value = AnswerClass::in_doubt;
    std::string code;   // the carrier's, as a string (leading zeros kept), at most 64 bytes
    std::string words;  // the carrier's text, valid UTF-8, at most 200 bytes, no phone number in it
    std::string carrier_id;  // the carrier's message id, at most 64 bytes
    std::string network;     // for reroute: the network the answer names, "" when it names none
  };
  Row whole;
  std::vector<Row> rows;  // empty, or one for each row of the batch, in order
  std::optional<std::chrono::seconds> retry_after;  // from the header or a field, at most an hour
};

// What a carrier offers for a request whose outcome is not known, as its profile says.
struct Recourse {
  // For so long it refuses a reference that it knows. 0: it does not, or nobody knows how long.
  std::chrono::seconds idempotency_window{0};
  bool can_ask = false;            // it tells what became of a reference
  std::chrono::seconds settle{0};  // once so much time has passed
  bool read_after_write = false;   // what it does not find then, it never accepted
  bool receipt_echoes_reference = false;
};

// Everything of an account that placeholders may use; `secrets` are fetched before sending.
struct AccountValues {
  std::vector<std::pair<std::string, std::string>>
      values;  // label, agent, template, ... and fetched secrets

  std::string_view find(std::string_view key) const;  // "" when absent
};

class Profile {
 public:
  // Faults name the place in the profile: unknown placeholders and filters, selectors that cannot
  // be, rules without a class.
  static Profile load(const std::string& path, Faults& faults);

  const std::string& name() const;
  BatchMode mode() const;
  int batch_min() const;
  int batch_max() const;
  const PartTables& parts() const;
  // Whether accented text may be sent to the network.
  bool takes_ucs2(std::string_view network) const;
  // Characters that this gateway refuses in a text: the first one found, or nothing.
  std::optional<char32_t> forbidden(std::string_view text) const;
  bool registered_texts_only() const;  // VNPT: template number and parameters travel
  bool allows_plain_http() const;
  // Account keys that the request uses, each with its place, to check an account against.
  const std::vector<std::string>& account_keys() const;
  const Recourse& recourse() const;

  HttpRequest render(std::string_view url, const AccountValues& account, const Batch& batch) const;
  // Total: any bytes give a verdict.
  Verdict read(const HttpAnswer& answer, const Batch& batch) const;

  // The question what became of a request; only where recourse().can_ask.
  HttpRequest render_query(std::string_view url, const AccountValues& account,
                           const Batch& batch) const;
  // Whether the carrier has accepted the request; nothing when its answer does not say.
  std::optional<bool> read_query(const HttpAnswer& answer, const Batch& batch) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

}  // namespace loa
