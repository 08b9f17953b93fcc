#include "cli/prepare.hpp"

#include "cli/output.hpp"
#include "config/document.hpp"

namespace loa {

std::optional<Prepared> prepare(const std::string& config, const std::string& campaign,
                                int& status) {
  Faults faults;
  Prepared prepared;
  prepared.settings = load_settings(settings_path(config), faults);
  const bool settings_ok = faults.ok();
  if (settings_ok) prepared.campaign = load_campaign(campaign, prepared.settings.templates, faults);
  print_faults(faults);
  if (!faults.ok()) {
    status = exit_status(settings_ok ? Code::data : Code::config);
    return std::nullopt;
  }
  auto plan = freeze({.campaign = prepared.campaign,
                      .gateways = prepared.settings.gateways,
                      .numbering = prepared.settings.numbering,
                      .exclusions = prepared.settings.exclusions});
  if (!plan) {
    status = report(plan.error());
    return std::nullopt;
  }
  prepared.plan = std::move(*plan);
  return prepared;
}

std::string campaign_id(const std::string& argument) {
  if (!argument.ends_with(".yaml") && !argument.ends_with(".yml")) return argument;
  Faults ignored;
  const std::optional<Node> document = load_document(argument, ignored);
  const Node* id = document ? document->find("campaign") : nullptr;
  return id != nullptr ? id->scalar() : argument;
}

}  // namespace loa
