// License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
/** @type {import('prettier').Config} */
module.exports = {
    plugins: [require.resolve("@prettier/plugin-xml")],
    bracketSpacing: false,
    printWidth: 88,
    proseWrap: "always",
    semi: true,
    tabWidth: 4,
    trailingComma: "es5",
    xmlWhitespaceSensitivity: "preserve",
    overrides: [{files: ["*.json", "*.yaml", "*.md"], options: {tabWidth: 2}}],
};
