#include "coordinator/tasks/spec_builder.hpp"

#include "coordinator/dag/routing_tables.hpp"

#include <tuple>

namespace mole::coordinator::tasks {

task::Archive archive_of(const dag::Archive& archive) {
  task::Archive out{archive.name,        archive.downloader,   {},           archive.damage, archive.covers,
                    archive.lateness,    archive.export_delay, archive.home, archive.decode, archive.duplicates,
                    archive.max_content, archive.index};
  out.set_candidates(archive.decoders);
  out.tiers = archive.tiers;
  out.sampling = archive.sampling;
  out.export_time = archive.export_time;
  return out;
}

namespace {

task::Spec make_header(const Grant& grant) {
  task::Spec spec;
  spec.id = grant.id;
  spec.epoch = grant.epoch;
  spec.seq = grant.seq;
  spec.kind = grant.kind;
  spec.block = grant.block;
  return spec;
}

struct Builder {
  const Grant& grant;
  const jobs::Plan& plan;
  const SpecSources& sources;
  task::Spec spec = make_header(grant);
  std::map<std::uint32_t, std::uint32_t> step_of = {};  // module -> step that makes its result

  Result<task::Spec> run() {
    for (std::uint32_t i = 0; i < grant.steps.size(); ++i) {
      if (auto done = add_step(grant.steps[i]); !done) return done.error();
      if (grant.steps[i].step.make_result) step_of[grant.steps[i].step.module] = i;
    }
    add_files();
    return std::move(spec);
  }

  Error row_changed(const dag::Module& module, std::int64_t block, std::size_t m) const {
    return missing(module.name + "@" + format_time(plan.grid(m).start(block)) + " is not present as planned; plan again");
  }

  std::optional<store::CatalogueRow> row_of(std::size_t m, std::int64_t block) const {
    return sources.catalogue(JobKey{plan.graph->modules[m].fingerprint, plan.grid(m).start(block)});
  }

  Result<> add_step(const GrantedStep& granted) {
    const auto m = granted.step.module;
    const auto& module = plan.graph->modules[m];
    task::Step step;
    step.pipeline = plan.graph->pipeline;
    step.module = module.name;
    step.fingerprint = module.fingerprint;
    step.plugin = module.plugin;
    step.execution = module.execution;
    step.interval = module.interval;
    step.window = module.window;
    step.warmup = module.warmup;
    step.by = module.by;
    step.totals = module.totals;
    step.filter = module.filter;
    step.load = module.load;
    step.routers = plan.routers(m);
    step.make_state = granted.step.make_state;
    step.make_result = granted.step.make_result;
    step.state_key = granted.state_key;
    step.result_key = granted.result_key;
    for (const auto& input : module.inputs) {
      MOLE_TRY(auto bound, add_input(granted, input));
      step.inputs.push_back(std::move(bound));
    }
    if (module.routes && reads_inputs(module, granted.step))
      step.routes = dag::routes_over(plan.graph->resources[*module.routes], {grant.block.from - module.warmup, grant.block.to});
    if (auto done = add_states(granted, step); !done) return done;
    spec.steps.push_back(std::move(step));
    return {};
  }

  Result<task::Input> add_input(const GrantedStep& granted, const dag::Input& input) {
    task::Input out;
    out.role = input.role;
    out.kind = input.kind;
    out.column = input.column;
    out.type = input.type;
    out.unit = input.unit;
    out.where = input.where;
    if (input.kind == InputKind::flows) {
      out.module = plan.graph->archives[input.source].name;
      out.scale = input.scale;
      return out;
    }
    const auto& upstream = plan.graph->modules[input.source];
    out.module = upstream.name;
    const auto& module = plan.graph->modules[granted.step.module];
    if (!reads_inputs(module, granted.step) && input.kind != InputKind::context) return out;  // a merge reads only states
    for (auto b = plan.inputs_from(granted.step.module, input, grant.ref.number); b <= grant.ref.number; ++b) {
      if (const auto step = step_of.find(input.source); b == grant.ref.number && step != step_of.end()) {
        out.step = step->second;
        continue;
      }
      const auto row = row_of(input.source, b);
      if (!row || row->rows_blob.empty() || row->result_key != plan.modules[input.source].result_key(b))
        return row_changed(upstream, b, input.source);
      out.rows.push_back({plan.grid(input.source).block(b), row->rows_blob});
    }
    return out;
  }

  Result<> add_states(const GrantedStep& granted, task::Step& step) {
    const auto m = granted.step.module;
    const auto& module = plan.graph->modules[m];
    const auto current = grant.ref.number;
    std::int64_t from = current, to = current;  // [from, to)
    if (module.since)
      from = current > plan.modules[m].begin ? current - 1 : current;
    else if (module.window > 0 && granted.step.make_result) {
      from = plan.window_from(m, current);
      to = granted.step.make_state ? current : current + 1;
    }
    for (auto b = from; b < to; ++b) {
      const auto row = row_of(m, b);
      if (!row || row->state_blob.empty() || row->state_key != plan.modules[m].state_key(b)) return row_changed(module, b, m);
      task::StateRef ref{plan.grid(m).block(b), row->state_blob, {}};
      for (const auto node : row->holders)
        if (auto address = sources.address(node); !address.empty()) ref.nodes.push_back(std::move(address));
      step.states.push_back(std::move(ref));
    }
    return {};
  }

  // Adds every slot that some step reads, once, in order of time, so that a worker can close an interval as soon as its files
  // are read.
  void add_files() {
    std::map<std::tuple<Micros, std::string, std::string>, task::File> files;
    for (const auto& granted : grant.steps) {
      const auto& module = plan.graph->modules[granted.step.module];
      if (module.inputs[0].kind != InputKind::flows || !reads_inputs(module, granted.step)) continue;
      const auto source = module.inputs[0].source;
      spec.archive = archive_of(plan.graph->archives[source]);
      for (auto& file :
           plan.indexes[source]->reach(plan.routers(granted.step.module), plan.reach(granted.step.module, grant.ref.number)))
        files.try_emplace({file.covers.from, file.router, file.id}, file);
    }
    for (auto& [key, file] : files) spec.files.push_back(std::move(file));
  }
};

}  // namespace

Result<task::Spec> build_spec(const Grant& grant, const jobs::Plan& plan, const SpecSources& sources) {
  return Builder{grant, plan, sources}.run();
}

task::Spec build_archive_spec(const Grant& grant, const dag::Archive& archive, std::vector<task::File> files) {
  auto spec = make_header(grant);
  spec.archive = archive_of(archive);
  spec.files = std::move(files);
  return spec;
}

}  // namespace mole::coordinator::tasks
