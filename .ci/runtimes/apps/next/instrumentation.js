export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const { AegisModule } = await import('aegislib');
  AegisModule.configure({ policies: './policies', agentId: 'probe' });
}
