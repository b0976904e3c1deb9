import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

const TYPES = {approved: "success", review: "warning", rejected: "danger"};

/** Tells whoever asked that the answer to a queued document is in, with a way there. */
export const answerNotificationService = {
    dependencies: ["action", "bus_service", "notification", "orm"],
    start(env, {action, bus_service: bus, notification, orm}) {
        // What nobody has read yet is one notification, however many come back.
        let unread = [];
        let closeUnread = null;

        // Odoo puts a full stop behind the title, and "Ltda." has one.
        const textsOf = ([answer]) =>
            unread.length === 1
                ? {title: answer.name.replace(/\.$/, ""), message: answer.message}
                : {
                      title: _t("The AI service has answered"),
                      message: _t("%s documents of yours.", unread.length),
                  };

        const open = (ids) =>
            action.doAction({
                type: "ir.actions.act_window",
                name: _t("Answered by the AI service"),
                res_model: "account.move",
                ...(ids.length === 1
                    ? {res_id: ids[0], views: [[false, "form"]]}
                    : {
                          domain: [["id", "in", ids]],
                          views: [
                              [false, "list"],
                              [false, "form"],
                          ],
                      }),
            });

        bus.subscribe("l10n_cl_dte_ai/answer", (answer) => {
            const answers = [...unread, answer];
            if (closeUnread) {
                closeUnread();
            }
            unread = answers;
            const {title, message} = textsOf(unread);
            const types = new Set(unread.map(({outcome}) => TYPES[outcome]));
            const ids = unread.map(({move_id: moveId}) => moveId);
            closeUnread = notification.add(message, {
                title,
                type: (types.size === 1 && [...types][0]) || "warning",
                sticky: true,
                onClose: () => {
                    unread = [];
                    closeUnread = null;
                },
                buttons: [
                    {
                        name:
                            ids.length === 1
                                ? _t("Open the document")
                                : _t("Open the documents"),
                        onClick: () => {
                            closeUnread();
                            open(ids);
                        },
                    },
                ],
            });
        });
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
