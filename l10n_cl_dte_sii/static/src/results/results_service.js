import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/** Tells once what became of all that a person sent, with a way there. */
export const resultsService = {
    dependencies: ["action", "bus_service", "notification"],
    start(env, {action, bus_service: bus, notification}) {
        bus.subscribe("l10n_cl_dte_sii/results", ({ids, message, rejected}) => {
            const close = notification.add(message, {
                title: _t("What became of what you sent"),
                type: rejected ? "danger" : "success",
                sticky: Boolean(rejected),
                buttons: [
                    {
                        name: _t("Open the sendings"),
                        onClick: () => {
                            close();
                            action.doAction({
                                type: "ir.actions.act_window",
                                name: _t("Sendings to the SII"),
                                res_model: "l10n_cl_dte_sii.sending",
                                domain: [["id", "in", ids]],
                                views: [
                                    [false, "list"],
                                    [false, "form"],
                                ],
                            });
                        },
                    },
                ],
            });
        });
        bus.start();
    },
};

registry.category("services").add("l10n_cl_dte_sii_results", resultsService);
