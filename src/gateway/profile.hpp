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
  unknown,    // the carrier says what no rule names: the rows are in doubt, and the lane stops
  in_doubt,   // the answer cannot be read, or says nothing of this row
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
  bool has_idempotency_key() const;

  HttpRequest render(std::string_view url, const AccountValues& account, const Batch& batch) const;
  // Total: any bytes give a verdict.
  Verdict read(const HttpAnswer& answer, const Batch& batch) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

}  // namespace loa
