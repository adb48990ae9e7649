import { Menu, type MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  newWindow(): void;
  openRecording(): void;
  openProject(): void;
  saveProjectAs(): void;
  showDataFolder(): void;
}

/** Shortcuts of the page itself (trend, palette) are not repeated here: the page owns them and lists them under `?`. */
export function installMenu(actions: MenuActions, platform: NodeJS.Platform, developer: boolean): void {
  const mac = platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(mac ? [{ role: 'appMenu' as const }] : []),
    {
      label: '&File',
      submenu: [
        { label: 'New window', accelerator: 'CmdOrCtrl+Shift+N', click: actions.newWindow },
        { label: 'Open recording…', accelerator: 'CmdOrCtrl+O', click: actions.openRecording },
        { label: 'Open project…', click: actions.openProject },
        { label: 'Save project as…', accelerator: 'CmdOrCtrl+Shift+S', click: actions.saveProjectAs },
        { type: 'separator' },
        { label: 'Show data folder', click: actions.showDataFolder },
        { type: 'separator' },
        mac ? { role: 'close' } : { role: 'quit', label: 'Quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...(developer
          ? [{ type: 'separator' as const }, { role: 'reload' as const }, { role: 'toggleDevTools' as const }]
          : []),
      ],
    },
    { role: 'windowMenu' },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
