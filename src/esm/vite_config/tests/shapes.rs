//! Shapes of configurations: the text, other files, and what is read.

type Shape = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

pub(super) const SHAPES: &[Shape] = &[
    // The templates of `npm create vite`.
    (
        "import { defineConfig } from 'vite'
         import react from '@vitejs/plugin-react'
         export default defineConfig({ plugins: [react()] })",
        &[],
        &["plugin @vitejs/plugin-react null"],
    ),
    ("export default {}", &[], &[]),
    // shadcn
    (
        "/// <reference types='vitest/config' />
         import path from 'path'
         import { defineConfig } from 'vite'
         import react from '@vitejs/plugin-react-swc'
         import tailwindcss from '@tailwindcss/vite'
         import { tanstackRouter } from '@tanstack/router-plugin/vite'
         export default defineConfig({
           plugins: [tanstackRouter({ target: 'react' }), react(), tailwindcss()],
           resolve: { alias: { '@': path.resolve(__dirname, './src') } },
           test: { environment: window },
         })",
        &[],
        &[
            "alias @ = /web/src",
            "plugin @tanstack/router-plugin {\"target\":\"react\"}",
            "plugin @vitejs/plugin-react-swc null",
            "plugin @tailwindcss/vite null",
            "? plugin @tanstack/router-plugin",
        ],
    ),
    // create-vue
    (
        "import { fileURLToPath, URL } from 'node:url'
         import vue from '@vitejs/plugin-vue'
         import vueJsx from '@vitejs/plugin-vue-jsx'
         import vueDevTools from 'vite-plugin-vue-devtools'
         export default defineConfig({
           plugins: [vue({ script: { propsDestructure: true } }), vueJsx(), vueDevTools()],
           resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
         })",
        &[],
        &[
            "alias @ = /web/src",
            "plugin @vitejs/plugin-vue {\"script\":{\"propsDestructure\":true}}",
            "plugin @vitejs/plugin-vue-jsx null",
            "plugin vite-plugin-vue-devtools null",
        ],
    ),
    // Lovable: a plug-in for the development only.
    (
        "import { componentTagger } from 'lovable-tagger'
         import react from '@vitejs/plugin-react-swc'
         import path from 'path'
         export default defineConfig(({ mode }) => ({
           server: { host: '::', port: 8080 },
           plugins: [react(), mode === 'development' && componentTagger()].filter(Boolean),
           resolve: { alias: { '@': path.resolve(__dirname, './src') } },
         }))",
        &[],
        &[
            "alias @ = /web/src",
            "port 8080",
            "plugin @vitejs/plugin-react-swc null",
            "plugin lovable-tagger null",
            "? plugin lovable-tagger",
            "? host ::",
        ],
    ),
    // A backend below /api.
    (
        "export default defineConfig({ server: { port: 3000, strictPort: true, open: true, proxy: {
           '/foo': 'http://localhost:4567',
           '/api': { target: 'http://jsonplaceholder.test', changeOrigin: true,
                     rewrite: (path) => path.replace(/^\\/api/, '') },
           '^/fallback/.*': { target: 'http://a.test/', rewrite: path => path.replace(/^\\/fallback/, '') },
           '/v1/': { target: 'https://b.test/base', secure: false },
           '/socket.io': { target: 'ws://localhost:5174', ws: true, rewriteWsOrigin: true },
           '/old': { target: 'http://a.test', rewrite: (p) => p.replace(/^\\/old/, '/new') },
         } } })",
        &[],
        &[
            "port 3000 strict",
            "open /",
            "proxy /foo=http://localhost:4567 origin",
            "proxy /api=http://jsonplaceholder.test/ origin",
            "proxy /fallback=http://a.test/",
            "proxy /v1=https://b.test/base/v1 insecure",
            "proxy /socket.io=http://localhost:5174",
            "proxy /old=http://a.test/new",
        ],
    ),
    // Rules that cannot be routes.
    (
        "export default { server: { proxy: {
           '/a': { target: process.env.TARGET },
           '/b': { target: 'http://a.test', rewrite: (path) => path.toUpperCase() },
           '/c': { target: 'http://a.test', bypass(req) { return '/index.html' },
                   configure: (proxy) => { proxy.on('error', console.log) } },
           '^/(d|e)/': 'http://a.test',
           '/f': { target: process.env.TARGET || 'http://localhost:1' },
         } } }",
        &[],
        &[
            "proxy /c=http://a.test",
            "proxy /f=http://localhost:1",
            "? server.proxy[\"/a\"].target 2",
            "? server.proxy[\"/b\"].rewrite 3",
            "? server.proxy[\"/c\"].bypass 4",
            "? server.proxy[\"/c\"].configure 5",
            "? server.proxy[\"^/(d|e)/\"] 6",
        ],
    ),
    // Aliases as a list, with regular expressions.
    (
        "import { resolve, join as j } from 'node:path'
         const root = resolve(__dirname, '.')
         export default defineConfig({ resolve: { alias: [
           { find: '@/', replacement: resolve(__dirname, 'src') + '/' },
           { find: /\\/#\\//, replacement: j(root, 'types') + '/' },
           { find: /^~(.*)$/, replacement: '$1' },
           { find: /^(a|b)$/, replacement: 'c' },
           { find: 'x', replacement: '/src/x', customResolver: () => null },
         ], extensions: ['.ts', '.vue'], dedupe: ['vue'] } })",
        &[],
        &[
            "alias @ = /web/src",
            "alias pattern = /web/types/",
            "alias pattern = $1",
            "alias x = /src/x",
            "extensions .ts .vue",
            "? resolve.alias 7",
        ],
    ),
    // vue-next-admin: a function for paths, `loadEnv`, and parts from another file.
    (
        "import { resolve } from 'path';
         import { defineConfig, loadEnv, ConfigEnv } from 'vite';
         import vue from '@vitejs/plugin-vue';
         import viteCompression from 'vite-plugin-compression';
         import { buildConfig } from './src/utils/build';
         const pathResolve = (dir: string) => { return resolve(__dirname, '.', dir); };
         const alias: Record<string, string> = { '/@': pathResolve('./src/'), 'vue-i18n': 'vue-i18n/dist/vue-i18n.cjs.js' };
         const viteConfig = defineConfig((mode: ConfigEnv) => {
           const env = loadEnv(mode.mode, process.cwd());
           return {
             plugins: [vue(), viteCompression(), JSON.parse(env.VITE_OPEN) ? null : buildConfig.cdn()],
             root: process.cwd(),
             resolve: { alias },
             base: mode.command === 'serve' ? './' : env.VITE_PUBLIC_PATH,
             server: { host: '0.0.0.0', port: env.VITE_PORT as unknown as number, open: JSON.parse(env.VITE_OPEN), hmr: true },
             css: { preprocessorOptions: { css: { charset: false } } },
             define: { __A__: JSON.stringify(false), __NAME__: JSON.stringify(process.env.npm_package_name) },
           };
         });
         export default viteConfig;",
        &[
            ("package.json", "{\"name\":\"admin\",\"version\":\"1.2.3\"}"),
            ("src/utils/build.ts", "import cdn from 'vite-plugin-cdn';\nexport const buildConfig = { cdn() { return cdn({ a: 1 }) } };"),
        ],
        &[
            "alias /@ = /web/src",
            "alias vue-i18n = vue-i18n/dist/vue-i18n.cjs.js",
            "define __A__ = false",
            "define __NAME__ = \"admin\"",
            "port 4000",
            "css css {\"charset\":false}",
            "plugin @vitejs/plugin-vue null",
            "plugin vite-plugin-compression null",
            "plugin vite-plugin-cdn {\"a\":1}",
            "? plugin vite-plugin-cdn",
            "? host 0.0.0.0",
        ],
    ),
    // vue-pure-admin: everything comes from other files.
    (
        "import { getPlugins } from './build/plugins'
         import { root, alias, wrapper, pathResolve, __APP_INFO__ } from './build/utils'
         export default async ({ mode }: ConfigEnv): Promise<UserConfigExport> => {
           const { VITE_PORT } = wrapper(loadEnv(mode, root));
           return { root, resolve: { alias }, server: { port: VITE_PORT }, plugins: await getPlugins(),
             define: { __APP_INFO__: JSON.stringify(__APP_INFO__) } }
         }",
        &[
            ("package.json", "{\"name\":\"pure\",\"version\":\"6.0.0\"}"),
            (
                "build/utils.ts",
                "import dayjs from 'dayjs';
                 import { fileURLToPath } from 'node:url';
                 import { dirname, resolve } from 'node:path';
                 import { name, version } from '../package.json';
                 const root: string = process.cwd();
                 const pathResolve = (dir = '.', metaUrl = import.meta.url) => {
                   const current = dirname(fileURLToPath(metaUrl));
                   const build = resolve(current, 'build');
                   const resolved = resolve(current, dir);
                   if (resolved.startsWith(build)) return fileURLToPath(metaUrl);
                   return resolved;
                 };
                 const alias: Record<string, string> = { '@': pathResolve('../src'), '@build': pathResolve() };
                 const __APP_INFO__ = { pkg: { name, version }, time: dayjs(new Date()).format('YYYY') };
                 const wrapper = (env) => { const ret = { VITE_PORT: 8848 };
                   for (const name of Object.keys(env)) { ret[name] = env[name]; }
                   return ret; };
                 export { root, alias, wrapper, pathResolve, __APP_INFO__ };",
            ),
            (
                "build/plugins.ts",
                "import vue from '@vitejs/plugin-vue';
                 import { viteBuildInfo } from './info';
                 import { visualizer } from 'rollup-plugin-visualizer';
                 export async function getPlugins(): Promise<PluginOption[]> {
                   const lifecycle = process.env.npm_lifecycle_event;
                   return [vue(), viteBuildInfo(), lifecycle === 'report' ? visualizer({ open: true }) : (null as any)];
                 }",
            ),
            ("build/info.ts", "export function viteBuildInfo(): Plugin { return { name: 'vite:buildInfo', buildStart() {} } }"),
        ],
        &[
            "alias @ = /web/src",
            "alias @build = /web/build",
            "define __APP_INFO__ = {\"pkg\":{\"name\":\"pure\",\"version\":\"6.0.0\"}}",
            "plugin @vitejs/plugin-vue null",
            "? plugin vite:buildInfo",
            "? define.__APP_INFO__.time",
            "? server.port 5",
        ],
    ),
    // Mosaic: `process.env` as it is.
    (
        "export default defineConfig({ define: { 'process.env': process.env, global: 'window', __DEV__: true, __X__: undefined } })",
        &[],
        &[
            "define process.env = {\"NODE_ENV\":\"development\"}",
            "define global = window",
            "define __DEV__ = true",
            "define __X__ = undefined",
        ],
    ),
    // PocketBase.
    (
        "import { svelte, vitePreprocess } from '@sveltejs/vite-plugin-svelte';
         export default defineConfig({
           server: { port: 3000 }, envPrefix: 'PB', base: './',
           plugins: [svelte({ preprocess: [vitePreprocess()], onwarn: (warning, handler) => { handler(warning) }, compilerOptions: { runes: true } })],
           resolve: { alias: { '@': __dirname + '/src' } } })",
        &[],
        &[
            "envPrefix PB",
            "alias @ = /web/src",
            "port 3000",
            "plugin @sveltejs/vite-plugin-svelte {\"preprocess\":[],\"compilerOptions\":{\"runes\":true}}",
        ],
    ),
    // RisuAI, for Tauri.
    (
        "import strip from '@rollup/plugin-strip'
         import wasm from 'vite-plugin-wasm'
         export default defineConfig(({command, mode}) => { return {
           plugins: [wasm(), command === 'build' ? strip({ include: '**/*.js' }) : null],
           clearScreen: false, server: { strictPort: true, port: 5174, host: process.env.TAURI_DEV_HOST || false },
           envPrefix: ['VITE_', 'TAURI_'], resolve: { alias: { 'src': '/src' } } } })",
        &[],
        &[
            "envPrefix VITE_",
            "envPrefix TAURI_",
            "alias src = /src",
            "port 5174 strict",
            "plugin vite-plugin-wasm null",
        ],
    ),
    // A root, and what is relative to it.
    (
        "import { resolve } from 'path'
         export default { root: 'client', base: '/app', publicDir: '../static', envDir: '..', build: { outDir: '../dist' } }",
        &[],
        &["root /web/client", "base /app/", "publicDir /web/static", "envDir /web"],
    ),
    (
        "export default { root: './', base: 'https://cdn.test/a/b/', publicDir: false }",
        &[],
        &["base /a/b/", "publicDir none"],
    ),
    // JSX.
    (
        "export default { esbuild: { jsxFactory: 'h', jsxFragment: 'Fragment', jsxInject: `import { h, Fragment } from 'preact'` } }",
        &[],
        &["jsx - h Fragment - import { h, Fragment } from 'preact'"],
    ),
    (
        "export default { esbuild: { jsx: 'automatic', jsxImportSource: '@emotion/react', drop: ['console'] } }",
        &[],
        &["jsx Automatic - - @emotion/react -"],
    ),
    (
        "export default { oxc: { jsx: { runtime: 'classic', pragma: 'h' } }, esbuild: false }",
        &[],
        &["jsx Classic h - - -"],
    ),
    // Preact.
    (
        "import preact from '@preact/preset-vite'
         export default { plugins: [preact()] }",
        &[],
        &[
            "alias react-dom/test-utils = preact/test-utils",
            "alias react-dom = preact/compat",
            "alias react = preact/compat",
            "jsx Automatic - - preact -",
            "plugin @preact/preset-vite null",
        ],
    ),
    // Emotion and React's compiler by Babel.
    (
        "import react from '@vitejs/plugin-react'
         const ReactCompilerConfig = { target: '18' }
         export default defineConfig(() => ({ plugins: [react({ jsxImportSource: '@emotion/react',
           babel: { plugins: [['babel-plugin-react-compiler', ReactCompilerConfig], '@emotion/babel-plugin'] } })] }))",
        &[],
        &[
            "jsx - - - @emotion/react -",
            "plugin @vitejs/plugin-react {\"jsxImportSource\":\"@emotion/react\",\"babel\":{\"plugins\":[[\"babel-plugin-react-compiler\",{\"target\":\"18\"}],\"@emotion/babel-plugin\"]}}",
            "? plugin babel-plugin-react-compiler",
            "? plugin @emotion/babel-plugin",
        ],
    ),
    // Sass.
    (
        "import path from 'path'
         export default { css: { preprocessorOptions: {
           scss: { api: 'modern-compiler', additionalData: `@use \"@/styles/vars\" as *;`, silenceDeprecations: ['import'] },
           less: { javascriptEnabled: true, modifyVars: { hack: `true; @import (reference) \"${path.resolve('src/a.less')}\";` } } },
           modules: { localsConvention: 'camelCase', generateScopedName: '[name]' }, postcss: { plugins: [tailwind()] } } }",
        &[],
        &[
            "css scss {\"api\":\"modern-compiler\",\"additionalData\":\"@use \\\"@/styles/vars\\\" as *;\",\"silenceDeprecations\":[\"import\"]}",
            "css less {\"javascriptEnabled\":true,\"modifyVars\":{\"hack\":\"true; @import (reference) \\\"/web/src/a.less\\\";\"}}",
            "css.modules camelCase",
            "? css.modules.localsConvention 5",
            "? css.modules.generateScopedName 5",
            "? css.postcss 5",
        ],
    ),
    // Vitest and Vite, merged.
    (
        "import { mergeConfig, defineConfig, configDefaults } from 'vitest/config'
         import viteConfig from './vite.base.mts'
         export default mergeConfig(viteConfig, defineConfig({ test: { exclude: [...configDefaults.exclude] }, server: { port: 1 } }))",
        &[("vite.base.mts", "import vue from '@vitejs/plugin-vue'\nexport default defineConfig({ plugins: [vue()], server: { port: 2, open: '/a' } })")],
        &["port 1", "open /a", "plugin @vitejs/plugin-vue null"],
    ),
    // CommonJS.
    (
        "const path = require('path')
         const { defineConfig } = require('vite')
         const vue = require('@vitejs/plugin-vue')
         const { version } = require('./package.json')
         module.exports = defineConfig({ plugins: [vue()], resolve: { alias: { '~': path.join(__dirname, 'src') } }, define: { V: JSON.stringify(version) } })",
        &[("package.json", "{\"version\":\"2.0.0\"}")],
        &["alias ~ = /web/src", "define V = \"2.0.0\"", "plugin @vitejs/plugin-vue null"],
    ),
    // Conditions.
    (
        "export default defineConfig(({ command, mode, isSsrBuild = false }) => {
           const isDev = mode !== 'production'
           if (command === 'serve') {
             return { define: { __DEV__: isDev }, server: { port: isDev ? 3001 : 80 } }
           } else {
             return { define: { __DEV__: false } }
           }
         })",
        &[],
        &["define __DEV__ = true", "port 3001"],
    ),
    // `.env` files, in all the ways.
    (
        "import { loadEnv } from 'vite'
         export default ({ mode }) => {
           process.env = { ...process.env, ...loadEnv(mode, process.cwd(), '') }
           const { VITE_PORT = '1', MISSING = '2' } = process.env
           return { server: { port: parseInt(VITE_PORT), proxy: { '/api': `${process.env.API_URL}/v1` } }, define: { M: MISSING } }
         }",
        &[],
        &["define M = 2", "port 4000", "proxy /api=http://localhost:9000/v1/api origin"],
    ),
    (
        "import 'dotenv/config'
         const port = Number(process.env.VITE_PORT ?? 3000)
         export default { server: { port, proxy: { '/api': { target: process.env.API_URL } } } }",
        &[],
        &["port 4000", "proxy /api=http://localhost:9000"],
    ),
    (
        "const env = loadEnv('production', '..', '')
         import { loadEnv } from 'vite'
         export default { server: { port: Number(env.PORT) || 3000 } }",
        &[],
        &["? server.port 3"],
    ),
    // Types, casts and `satisfies`.
    (
        "import type { UserConfig } from 'vite'
         const server = <const>{ port: 5000 }
         const config = { server: server!, base: '/x/' as const } satisfies UserConfig
         export { config as default }",
        &[],
        &["base /x/", "port 5000"],
    ),
    (
        "import { readFileSync } from 'fs'
         const pkg = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf-8'))
         export default { define: { 'import.meta.env.VERSION': JSON.stringify(pkg.version), V: `\"${pkg.version}\"` } }",
        &[("package.json", "{\"version\":\"3.1.4\"}")],
        &["define import.meta.env.VERSION = \"3.1.4\"", "define V = \"3.1.4\""],
    ),
    // What is not understood.
    (
        "import { execSync } from 'child_process'
         import shared from '../shared.config'
         import { VitePWA } from 'vite-plugin-pwa'
         import mine from './plugins/mine'
         const list = []
         list.push(mine())
         export default defineConfig({
           ...shared,
           plugins: [VitePWA({ registerType: 'autoUpdate' }), mine(), ...list, helper(), { name: 'inline', transform() {} },
                     { name: 'only-build', apply: 'build' }],
           define: { COMMIT: JSON.stringify(execSync('git rev-parse HEAD').toString()) },
           resolve: { alias: makeAliases() },
         })",
        &[],
        &[
            "plugin vite-plugin-pwa {\"registerType\":\"autoUpdate\"}",
            "? ... 8",
            "? plugin vite-plugin-pwa",
            "? plugin mine",
            "? plugins[2] 9",
            "? plugin helper",
            "? plugin inline",
            "? resolve.alias 12",
            "? define.COMMIT 11",
        ],
    ),
    ("export default makeConfig()", &[], &["? the configuration"]),
    ("export default {", &[], &["? the configuration"]),
    ("const a = 1", &[], &["? the configuration"]),
];
