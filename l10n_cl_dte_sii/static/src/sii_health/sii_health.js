import {HealthMenu} from "@l10n_cl_dte_ai/health/health_menu";
import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";
import {registry} from "@web/core/registry";

const STATES = {
    healthy: {className: "fa-check-circle text-success", label: _t("Reachable")},
    down: {
        className: "fa-times-circle text-danger",
        label: _t("Not reachable: what was to be sent waits, and nothing is lost"),
    },
};
const NAMES = {
    simulator: _t("SII (simulator)"),
    certification: _t("SII (certification)"),
    production: _t("SII (production)"),
};

patch(HealthMenu.prototype, {
    get sii() {
        const sii = this.status.sii;
        return sii && {...STATES[sii.state], name: NAMES[sii.environment]};
    },
});

/** How the SII's hosts are: what the page began with, and then what the bus tells. */
export const siiHealthService = {
    dependencies: ["bus_service", "l10n_cl_dte_ai_health"],
    start(env, {bus_service: bus, l10n_cl_dte_ai_health: health}) {
        bus.subscribe("l10n_cl_dte_sii/host", ({environment, state}) => {
            for (const {sii} of Object.values(health.byCompany)) {
                if (sii && sii.environment === environment) {
                    sii.state = state;
                }
            }
        });
        bus.start();
    },
};

registry.category("services").add("l10n_cl_dte_sii_health", siiHealthService);
