// HYDRA's entries in JupyterLab's launcher. Written by hand as the module container that JupyterLab
// loads: with two tokens of the lab's own to share, there is nothing that a bundler would add.
(() => {
  let shared = {};

  // The lab's own copy of a package: tokens are the same only when they come from there.
  async function lab(name) {
    const [version] = Object.values(shared[name] || {});
    return version ? (await version.get())() : {};
  }

  const ENTRIES = [
    {
      id: "hydra:dashboard",
      label: "Dashboard",
      caption: "Positions, orders, fills and controls, as a page",
      icon: "inspectorIcon",
      open: (app, base) => window.open(base + "voila/render/04_dashboard.ipynb", "_blank"),
    },
    {
      id: "hydra:paper-session",
      label: "Paper session",
      caption: "The notebook that the schedule runs, one step after the other",
      icon: "runIcon",
      open: (app) => app.commands.execute("docmanager:open", { path: "03_paper_session.ipynb" }),
    },
    {
      id: "hydra:runs",
      label: "Runs",
      caption: "What the schedule has run and missed",
      icon: "listIcon",
      open: (app, base) => window.open(base + "hydra/runs", "_blank"),
    },
  ];

  async function plugin() {
    const { ILauncher } = await lab("@jupyterlab/launcher");
    const { PageConfig } = await lab("@jupyterlab/coreutils");
    const icons = await lab("@jupyterlab/ui-components");
    return {
      id: "hydra-workbench:launcher",
      description: "HYDRA's entries in the launcher",
      autoStart: true,
      optional: ILauncher ? [ILauncher] : [], // Voilà loads us too, and has none
      activate: (app, launcher) => {
        const base = PageConfig.getBaseUrl();
        if (!launcher) return;
        ENTRIES.forEach(({ id, label, caption, icon, open }, rank) => {
          app.commands.addCommand(id, {
            label,
            caption,
            icon: icons[icon],
            execute: () => open(app, base),
          });
          launcher.add({ command: id, category: "HYDRA", rank });
        });
      },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["hydra-workbench"] = {
    init: async (scope) => {
      shared = scope;
    },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
