import { fileURLToPath } from 'node:url'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

import { budget } from './dev/budget.ts'

// The library exports its RFB class alone; its keysym tables and keyboard are files beside it.
const novnc = fileURLToPath(new URL('./node_modules/@novnc/novnc/core', import.meta.url))

export default defineConfig({
  base: './', // addresses relative to the page's <base>, so that any path prefix will do
  plugins: [
    react(),
    budget(),
    {
      name: 'base-in-development', // the server writes it otherwise
      apply: 'serve',
      transformIndexHtml: () => [{ tag: 'base', attrs: { href: '/' }, injectTo: 'head-prepend' }],
    },
  ],
  resolve: { alias: { '#novnc': novnc } },
  build: {
    outDir: '../src/portcall/web/static',
    emptyOutDir: true,
    target: ['chrome111', 'firefox115', 'safari16.4'],
    assetsInlineLimit: 0, // a data: URL would need a wider content security policy
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { entryFileNames: 'assets/[name]-[hash].js' } },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:3399', '/view': { target: 'ws://127.0.0.1:3399', ws: true } } },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
})
