import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

const TYPES = {approved: "success", review: "warning", rejected: "danger"};

/** Tells whoever asked that the answer to a queued document is in, with a way there. */
export const answerNotificationService = {
    dependencies: ["action", "bus_service", "notification", "orm"],
    start(env, {action, bus_service: bus, notification, orm}) {
        bus.subscribe(
            "l10n_cl_dte_ai/answer",
            ({move_id: moveId, name, outcome, message}) => {
                const close = notification.add(message, {
                    // Odoo puts a full stop behind it, and "Ltda." has one.
                    title: name.replace(/\.$/, ""),
                    type: TYPES[outcome] || "warning",
                    sticky: true,
                    buttons: [
                        {
                            name: _t("Open the document"),
                            onClick: () => {
                                close();
                                action.doAction({
                                    type: "ir.actions.act_window",
                                    res_model: "account.move",
                                    res_id: moveId,
                                    views: [[false, "form"]],
                                });
                            },
                        },
                    ],
                });
            }
        );
        bus.subscribe(
            "l10n_cl_dte_ai/batch_done",
            ({id, title, message, has_files: hasFiles}) => {
                const follow = async (method) =>
                    action.doAction(
                        await orm.call("l10n_cl_dte_ai.batch", method, [[id]])
                    );
                const close = notification.add(message, {
                    title,
                    type: "success",
                    sticky: true,
                    buttons: [
                        ...(hasFiles
                            ? [
                                  {
                                      name: _t("Download ZIP"),
                                      primary: true,
                                      onClick: () => follow("action_download_zip"),
                                  },
                              ]
                            : []),
                        {
                            name: _t("Open the results"),
                            onClick: () => {
                                close();
                                follow(
                                    hasFiles ? "action_open" : "action_open_results"
                                );
                            },
                        },
                    ],
                });
            }
        );
        bus.start();
    },
};

registry
    .category("services")
    .add("l10n_cl_dte_ai_answer_notification", answerNotificationService);
