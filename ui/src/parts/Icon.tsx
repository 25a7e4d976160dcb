/** The pages' own line icons, 20 × 20. They say nothing to a screen reader: the control beside them has the name. */

const PATHS = {
  sessions: 'M3 4.5h14v9H3zM7.5 16.5h5',
  logins: 'M10 10.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM4 16.6c.6-2.6 3-4 6-4s5.4 1.4 6 4',
  servers: 'M3.5 4h13v4.5h-13zM3.5 11.5h13V16h-13zM6.5 6.2h.01M6.5 13.7h.01',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4.2v3.6M7 12.2v3.6',
  audit: 'M5 3h7l3 3v11H5zM7.5 9.5h5M7.5 12.5h5',
  log: 'M4 5h12M4 8.3h9M4 11.6h12M4 15h7',
  people: 'M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.5 15.8c.5-2.3 2.5-3.5 5-3.5s4.5 1.2 5 3.5M13 4.3a2.7 2.7 0 0 1 0 5M14.5 12.6c1.7.4 2.7 1.5 3 3.2',
  more: 'M10 4.5h.01M10 10h.01M10 15.5h.01',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4',
  back: 'M12 4.5 6.5 10l5.5 5.5',
  close: 'M5 5l10 10M15 5 5 15',
  down: 'M5.5 8l4.5 4.5L14.5 8',
  play: 'M7 4.5v11l8-5.5z',
  pause: 'M7 4.5v11M13 4.5v11',
  stop: 'M5.5 5.5h9v9h-9z',
  copy: 'M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3',
  clipboard: 'M7 4H5v13h10V4h-2M7.5 2.8h5v2.7h-5z',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.7h7',
  full: 'M7 3.5H3.5V7M13 3.5h3.5V7M7 16.5H3.5V13M13 16.5h3.5V13',
  fit: 'M3 4.5h14v11H3zM6.5 10h7M8.5 8l-2 2 2 2M11.5 8l2 2-2 2',
  camera: 'M3 6.5h3.5L8 4.5h4l1.5 2H17v9H3zM10 13.3a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  signal: 'M4.5 15.5v-2M8.2 15.5v-5M11.8 15.5v-8M15.5 15.5v-11',
  sun: 'M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM10 2.5v1.5M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M15.3 4.7l-1 1M5.7 14.3l-1 1',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  warn: 'M10 3.5l7 12.5H3zM10 8v4M10 14h.01',
  key: 'M7 13.5a3.5 3.5 0 1 1 3.3-4.7H17v3h-2v2h-2.5v-2h-2.2A3.5 3.5 0 0 1 7 13.5zM6.5 10h.01',
  menu: 'M3.5 5.5h13M3.5 10h13M3.5 14.5h13',
  quality: 'M3 13.5a7 7 0 0 1 14 0M10 13.5l3-4',
  eye: 'M2.5 10s2.7-5 7.5-5 7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  bookmark: 'M6 3.5h8v13l-4-3.2-4 3.2z',
  form: 'M4 3.5h12v13H4zM7 7.5h6M7 10.5h6M7 13.5h3',
  order: 'M4 5h7M4 10h7M4 15h7M15 4.5v11M13 6.5l2-2 2 2M13 13.5l2 2 2-2',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4l2.7 2',
  bolt: 'M11 3 5 11.5h4L9 17l6-8.5h-4z',
  profile: 'M3 5h14v10H3zM6 8.5h5M6 11.5h8',
  shield: 'M10 3l6 2v5c0 3.5-2.5 6-6 7-3.5-1-6-3.5-6-7V5z',
  data: 'M7.5 4C5.5 4 6.5 10 4 10c2.5 0 1.5 6 3.5 6M12.5 4c2 0 1 6 3.5 6-2.5 0-1.5 6-3.5 6',
  chart: 'M3.5 16.5h13M5.5 14V9.5M9 14V5.5M12.5 14v-3M16 14V7.5',
  up: 'M5.5 12 10 7.5l4.5 4.5',
  plus: 'M10 4.5v11M4.5 10h11',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className={name === 'more' ? 'icon dots' : 'icon'} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
