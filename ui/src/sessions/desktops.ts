/** Which commands bring a window manager of their own: a desktop, which would fight with the one of a single program. */

const DESKTOPS = new Set(
  `budgie-desktop cinnamon cinnamon-session cinnamon-session-cinnamon dde-session deepin-session dtsession enlightenment
  enlightenment_start gnome-flashback gnome-session gnome-session-classic gnome-session-flashback gnome-shell lumina-desktop
  lxqt-session lxsession mate-session moksha plasma_session plasmashell start-lumina-desktop startcde startdde startfluxbox
  starte16 startkde startlxde startlxqt startplasma startplasma-x11 starttde startxfce4 ukui-session
  xfce4-session
  Xsession .xsession .xinitrc xinitrc .Xclients Xclients xstartup x-session-manager x-window-manager
  9wm afterstep amiwm awesome blackbox bspwm compiz ctwm cwm dwm e16 evilwm fluxbox fvwm fvwm-crystal fvwm2 fvwm3
  herbstluftwm i3 i3-with-shmlog icewm icewm-session jwm kwin kwin_x11 leftwm lwm marco matchbox-session
  matchbox-window-manager metacity muffin mutter mwm notion openbox openbox-gnome-session openbox-kde-session
  openbox-lxde openbox-session pekwm qtile ratpoison sawfish spectrwm stumpwm tinywm tvtwm twm vtwm windowlab wmaker wmii
  xfwm4 xmonad`.split(/\s+/),
)

/** Programs that run the command after them. */
const WRAPPERS = new Set(
  `bash ck-launch-session command csh dash dbus-launch dbus-run-session env exec ionice ksh nice nohup optirun primusrun
  setsid sh ssh-agent systemd-cat systemd-inhibit tcsh time vglrun zsh`.split(/\s+/),
)

/** Whether any of the programs that the command names is one. */
export const isDesktop = (command: string): boolean =>
  command
    .replace(/^\s*#.*$/gm, '')
    .split(/[\n;|&()]+/)
    .some((one) => DESKTOPS.has(programOf(one)))

/** The file's name of the program that a simple command runs; options, figures and variables of wrappers are passed over. */
function programOf(command: string): string {
  for (const word of command.replace(/["']/g, ' ').split(/\s+/)) {
    if (!word || /^-|^[0-9.]+$|^[A-Za-z_][A-Za-z0-9_]*=/.test(word)) continue
    const name = word.slice(word.lastIndexOf('/') + 1)
    if (!WRAPPERS.has(name)) return name
  }
  return ''
}
