import {deserializeDateTime, formatDateTime} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {reactive} from "@odoo/owl";
import {registry} from "@web/core/registry";

// Each state has its shape: nobody has to see a colour to know.
export const HEALTH_TEXTS = {
    healthy: {
        className: "fa-check-circle text-success",
        label: _t("Healthy"),
        meaning: _t("Documents are checked by the AI service at once."),
    },
    degraded: {
        className: "fa-exclamation-triangle text-warning",
        label: _t("Degraded"),
        meaning: _t(
            "The AI service answers, but slowly or not always. Documents that get no answer are queued."
        ),
    },
    limited: {
        className: "fa-clock-o text-warning",
        label: _t("Limited"),
        meaning: _t(
            "The AI service accepts no more documents for a moment. They are queued, and go on by themselves."
        ),
    },
    down: {
        className: "fa-times-circle text-danger",
        label: _t("Unavailable"),
        meaning: _t(
            "The AI service does not answer. Documents are queued, and nothing is lost: go on with your work."
        ),
    },
    misconfigured: {
        className: "fa-wrench text-danger",
        label: _t("To be configured"),
        meaning: _t(
            "The AI service refuses the settings. Documents are queued until an administrator mends them."
        ),
    },
    not_configured: {
        className: "fa-circle-o opacity-75",
        label: _t("Not configured"),
        meaning: _t(
            "Documents are checked with the SII's rules only. An administrator can enter the AI service in the settings."
        ),
    },
    no_opinion: {
        className: "fa-question-circle text-warning",
        label: _t("No opinion"),
        meaning: _t(
            "The AI service answers, but its model gives no opinion. Documents are queued and asked about again, and nothing is lost."
        ),
    },
    queue_off: {
        className: "fa-pause-circle text-danger",
        label: _t("Queue switched off"),
        meaning: _t(
            "Nothing that waits goes on by itself: its scheduled action is switched off. An administrator has to activate it again."
        ),
    },
    unknown: {
        className: "fa-circle-o opacity-75",
        label: _t("Not asked yet"),
        meaning: _t("The AI service is configured and has not been asked yet."),
    },
};

/** The text of a state, with the time at which a limit ends. */
export function describeHealth(status) {
    const isAnswering = ["no_opinion", "unreadable", "contradictory"].includes(
        status.reason
    );
    if (isAnswering && ["down", "degraded"].includes(status.state)) {
        return HEALTH_TEXTS.no_opinion;
    }
    const texts = HEALTH_TEXTS[status.state] || HEALTH_TEXTS.unknown;
    if (status.state === "limited" && status.until) {
        const until = formatDateTime(deserializeDateTime(status.until), {
            format: "HH:mm:ss",
        });
        return {...texts, label: _t("Limited until %s", until)};
    }
    return texts;
}

/**
 * How the AI service of each company is: what the page began with, and then what the
 * bus tells. Odoo is asked again only when the bus has been away; the service never.
 */
export const healthService = {
    dependencies: ["bus_service", "lazy_session", "orm"],
    start(env, {bus_service: bus, lazy_session: lazySession, orm}) {
        const state = reactive({byCompany: {}});
        let timeout = null;

        const endLimits = () => {
            clearTimeout(timeout);
            const limited = Object.values(state.byCompany).filter(
                (s) => s.state === "limited" && s.until
            );
            if (!limited.length) {
                return;
            }
            const delays = limited.map(
                (s) => deserializeDateTime(s.until).toMillis() - Date.now()
            );
            for (const [index, status] of limited.entries()) {
                if (delays[index] <= 0) {
                    Object.assign(status, {state: "healthy", until: false});
                }
            }
            const waiting = delays.filter((delay) => delay > 0);
            if (waiting.length) {
                timeout = setTimeout(endLimits, Math.min(...waiting) + 100);
            }
        };

        const begin = (statuses) => {
            state.byCompany = statuses || {};
            endLimits();
        };
        lazySession.getValue("l10n_cl_dte_ai", begin);
        // What the bus told while it was not connected is lost: look again.
        const lookAgain = async () => {
            if (Object.keys(state.byCompany).length) {
                begin(await orm.silent.call("l10n_cl_dte_ai.service", "get_status"));
            }
        };
        bus.addEventListener("BUS:CONNECT", lookAgain);
        bus.addEventListener("BUS:RECONNECT", lookAgain);
        bus.subscribe("l10n_cl_dte_ai/health", (status) => {
            for (const known of Object.values(state.byCompany)) {
                if (known.id === status.id) {
                    Object.assign(known, status);
                }
            }
            endLimits();
        });
        bus.start();
        return state;
    },
};

registry.category("services").add("l10n_cl_dte_ai_health", healthService);
