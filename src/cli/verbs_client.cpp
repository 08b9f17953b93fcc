// The verbs that ask the daemon, on the command line.
#include <memory>

#include "cli/verb_groups.hpp"

namespace loa {
namespace {

// One verb; its options stand in `options`.
struct Verb {
  CLI::App* app;
  std::shared_ptr<ClientOptions> options;

  Verb& subject(const char* name, const char* what) {
    app->add_option(name, options->subject, what)->required();
    return *this;
  }
  Verb& reason(bool required) {
    app->add_option("--reason", options->reason, "Why; it goes on record with your name")
        ->required(required);
    return *this;
  }
  Verb& confirm() {
    app->add_option("--confirm", options->confirm,
                    "The campaign's id, instead of being asked to type it");
    return *this;
  }
  Verb& window() {
    app->add_option("--not-before", options->not_before, "Begin at this time (RFC 3339)");
    app->add_option("--useful-until", options->useful_until,
                    "Send nothing after this time (RFC 3339)");
    return *this;
  }
  Verb& watch() {
    app->add_flag("--watch", options->watch, "Follow it to its end; Ctrl-C leaves, it goes on");
    return *this;
  }
};

class Group {
 public:
  Group(CommonOptions& common, int& status) : common_(common), status_(status) {}

  Verb add(CLI::App& parent, ClientVerb verb, const char* name, const char* what,
           const char* footer) {
    Verb made{parent.add_subcommand(name, what), std::make_shared<ClientOptions>()};
    add_common(*made.app, common_);
    ReachOptions& reach = made.options->reach;
    made.app->add_option(
        "--api", reach.api,
        "The daemon: 127.0.0.1:PORT, https://HOST or unix:/PATH (default: LOA_API, "
        "then the configured one)");
    made.app->add_option("--token-file", reach.token_file,
                         "Sign in with the token in this file (default: LOA_TOKEN)");
    CLI::Option* user =
        made.app->add_option("--user", reach.user, "Sign in by this name, with its password");
    made.app->add_option("--password-file", reach.password_file, "Take the password from this file")
        ->needs(user);
    made.app->add_option("--ca-file", reach.ca_file, "Authorities to trust for https (PEM)");
    made.app->add_flag("--no-input", reach.no_input, "Never ask; fail instead");
    made.app->footer(footer);
    made.app->callback([verb, options = made.options, &common = common_, &status = status_] {
      status = run_client(common, verb, *options);
    });
    return made;
  }

 private:
  CommonOptions& common_;
  int& status_;
};

constexpr const char* kCampaign = "Campaign id";

void add_looking(CLI::App& app, Group& group) {
  Verb list = group.add(app, ClientVerb::list, "list", "The daemon's campaigns, newest first",
                        "Example: loa list --state sending");
  list.app->add_option("--state", list.options->state, "Only those in this state");
  list.app->add_option("--limit", list.options->limit, "So many at most")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();

  Verb show = group.add(app, ClientVerb::show, "show", "How a campaign stands",
                        "Example: loa show lua-dao-gia-danh-2026-11 --watch");
  show.subject("CAMPAIGN", kCampaign).watch();
  show.app->add_flag("--plan", show.options->with_plan, "What is to be approved, with its texts");

  group
      .add(app, ClientVerb::history, "history", "What was done with a campaign, by whom and why",
           "Example: loa history lua-dao-gia-danh-2026-11")
      .subject("CAMPAIGN", kCampaign);

  Verb explain =
      group.add(app, ClientVerb::explain, "explain", "What became of one number, and why",
                "Example: loa explain '0912 345 678' lua-dao-gia-danh-2026-11");
  explain.subject("NUMBER", "In any spelling, or - to read it from stdin");
  explain.app->add_option("CAMPAIGN", explain.options->campaign, "In this campaign only");
}

void add_deciding(CLI::App& app, Group& group) {
  Verb submit = group.add(app, ClientVerb::submit, "submit", "Bring a campaign to the daemon",
                          "The audience that the file names is uploaded with it.\n"
                          "Example: loa submit config/campaigns/lua-dao-gia-danh.yaml");
  submit.subject("FILE", "Campaign file (YAML or JSON)").watch();
  submit.app->add_flag("--dry-run", submit.options->dry_run,
                       "What would be sent, and what is wrong; nothing is kept");

  Verb approve = group.add(app, ClientVerb::approve, "approve", "Let a campaign's plan be sent",
                           "Shows the plan, and asks. Who wrote the campaign cannot approve it.\n"
                           "Example: loa approve lua-dao-gia-danh-2026-11");
  approve.subject("CAMPAIGN", kCampaign).reason(false).confirm().watch();
  approve.app->add_option("--plan", approve.options->plan,
                          "The hash of the plan that was looked at: another one is refused");

  group
      .add(app, ClientVerb::give_back, "return", "Give a campaign back to its author, to be mended",
           "Example: loa return lua-dao-gia-danh-2026-11 --reason 'the hotline is wrong'")
      .subject("CAMPAIGN", kCampaign)
      .reason(true);
  group
      .add(app, ClientVerb::reject, "reject", "Refuse a campaign for good",
           "Example: loa reject lua-dao-gia-danh-2026-11 --reason 'sent by another office'")
      .subject("CAMPAIGN", kCampaign)
      .reason(true);
}

void add_running(CLI::App& app, Group& group) {
  group
      .add(app, ClientVerb::schedule, "schedule", "Give a campaign another window",
           "Its approval is void by that.\n"
           "Example: loa schedule lua-dao-gia-danh-2026-11 --not-before 2026-11-25T08:00:00+07:00")
      .subject("CAMPAIGN", kCampaign)
      .reason(false)
      .window();
  group
      .add(app, ClientVerb::pause, "pause", "Hold a campaign; it can go on",
           "Example: loa pause lua-dao-gia-danh-2026-11 --reason 'complaints about the text'")
      .subject("CAMPAIGN", kCampaign)
      .reason(true);
  group
      .add(app, ClientVerb::resume, "resume", "Let a campaign that was held go on",
           "Example: loa resume lua-dao-gia-danh-2026-11")
      .subject("CAMPAIGN", kCampaign)
      .reason(false)
      .watch();
  group
      .add(app, ClientVerb::stop, "stop", "End a campaign for good",
           "What has gone cannot be called back.\n"
           "Example: loa stop lua-dao-gia-danh-2026-11 --reason 'the warning is out of date'")
      .subject("CAMPAIGN", kCampaign)
      .reason(true)
      .confirm();

  Verb retry = group.add(app, ClientVerb::retry, "retry",
                         "A new campaign for those whom an earlier one did not reach",
                         "Example: loa retry lua-dao-gia-danh-2026-11");
  retry.subject("CAMPAIGN", kCampaign).reason(false).window();
  retry.app->add_option("--id", retry.options->id, "The new campaign's id");
  Verb clone = group.add(app, ClientVerb::clone, "clone", "A new campaign like an earlier one",
                         "Example: loa clone lua-dao-gia-danh-2026-11 --id lua-dao-2026-12");
  clone.subject("CAMPAIGN", kCampaign).reason(false).window();
  clone.app->add_option("--id", clone.options->id, "The new campaign's id");

  CLI::App* gateway = app.add_subcommand("gateway", "The carriers' gateways");
  gateway->require_subcommand(1);
  group.add(*gateway, ClientVerb::gateways, "list", "How the gateways stand",
            "Example: loa gateway list");
  group
      .add(*gateway, ClientVerb::pause_gateway, "pause", "Send nothing new through a gateway",
           "Example: loa gateway pause vina --reason 'maintenance at the carrier'")
      .subject("GATEWAY", "Its name")
      .reason(true);
  group
      .add(*gateway, ClientVerb::resume_gateway, "resume",
           "Use a gateway again, also one that its carrier's answer has held",
           "Example: loa gateway resume vina")
      .subject("GATEWAY", "Its name")
      .reason(false);
}

}  // namespace

void add_client_verbs(CLI::App& app, CommonOptions& common, int& status) {
  Group group(common, status);
  add_deciding(app, group);
  add_looking(app, group);
  add_running(app, group);
}

}  // namespace loa
