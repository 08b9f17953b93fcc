// The verbs of `loa`. Each returns the exit status (sysexits).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace loa {

struct CommonOptions {
  std::string config;  // --config
  bool json = false;   // --json: one JSON object on stdout
};

struct SendOptions {
  std::string campaign;  // file
  std::string data;      // "" for the configured one
  bool yes = false;
  bool now = false;
};

struct ReportOptions {
  std::string campaign;  // id or file
  std::string data;
  std::string csv;  // "" for none, "-" for stdout
  bool reveal = false;
};

struct DoubtsOptions {
  std::string campaign;  // id or file
  std::string data;
  bool resend = false;  // at most one of the two
  bool assume_sent = false;
  std::string reason;
  bool yes = false;
};

struct DrillArguments {
  int kills = 60;
  std::optional<std::uint64_t> seed;  // drawn when not given
  std::uint64_t rows = 1000;
  std::string sim;  // "" for the one beside this program
  bool keep = false;
};

enum class UserVerb { add, passwd, token, list, remove };

struct UserOptions {
  std::string file;  // of users, "" for the configured one
  std::string user;
  std::vector<std::string> roles;
  std::string name;
  std::string unix_login;
  std::string gateway;
  std::string password_file;  // "-" for stdin, "" to ask
  std::string note;
  std::string expires;  // a day
  std::string token;    // an id
};

// How the daemon is reached, and as whom.
struct ReachOptions {
  std::string api;
  std::string token_file;
  std::string user;
  std::string password_file;
  std::string ca_file;
  bool no_input = false;  // never ask
};

enum class ClientVerb {
  submit,
  list,
  show,
  history,
  approve,
  give_back,
  reject,
  schedule,
  pause,
  resume,
  stop,
  retry,
  clone,
  explain,
  gateways,
  pause_gateway,
  resume_gateway,
};

struct ClientOptions {
  ReachOptions reach;
  std::string subject;  // a campaign's id, a file, a number, a gateway's name
  std::string campaign;
  std::string state;
  int limit = 50;
  std::string reason;
  std::string confirm;
  std::string plan;        // approve: the hash
  std::string not_before;  // RFC 3339
  std::string useful_until;
  std::string id;  // of the new campaign
  bool with_plan = false;
  bool dry_run = false;
  bool watch = false;
};

int run_check(const CommonOptions& common, const std::vector<std::string>& paths);
int run_text(const CommonOptions& common, const std::string& text);
int run_audience(const CommonOptions& common, const std::vector<std::string>& files,
                 const std::string& column, const std::vector<std::string>& exclude);
int run_plan(const CommonOptions& common, const std::string& campaign, const std::string& from);
int run_send(const CommonOptions& common, const SendOptions& options);
int run_serve(const CommonOptions& common, const std::string& data);
int run_status(const CommonOptions& common, const std::string& campaign, const std::string& data);
int run_report(const CommonOptions& common, const ReportOptions& options);
int run_doubts(const CommonOptions& common, const DoubtsOptions& options);
int run_journal_cat(const CommonOptions& common, const std::string& data);
int run_journal_verify(const CommonOptions& common, const std::string& data);
int run_drill_verb(const CommonOptions& common, const DrillArguments& arguments);
int run_user(const CommonOptions& common, UserVerb verb, const UserOptions& options);
int run_client(const CommonOptions& common, ClientVerb verb, const ClientOptions& options);

// Parses the command line and runs the verb.
int run_cli(int argc, char** argv);

}  // namespace loa
