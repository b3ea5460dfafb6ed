// Compiled, never run, under experimentalDecorators: Nest is handed over as it is, and contexts are Nest's own.
import * as common from '@nestjs/common';
import type { DynamicModule, ExecutionContext } from '@nestjs/common';
import * as core from '@nestjs/core';
import { AegisModule } from 'aegislib';
import { aegisNest } from 'aegislib/nest';

const nest = aegisNest({ ...common, ...core });
const { Catch } = common;
const { APP_FILTER, APP_INTERCEPTOR, ModuleRef, ModulesContainer, HttpAdapterHost } = core;
export const named = aegisNest({ Catch, APP_FILTER, APP_INTERCEPTOR, ModuleRef, ModulesContainer, HttpAdapterHost });
const module = AegisModule.create({ sessions: 'async-local', resolve: nest.resolve });
export const imported: DynamicModule = nest.forRoot({
  module,
  session: (context: ExecutionContext) => ({
    user_id: context.switchToHttp().getRequest<{ user: string }>().user,
    of: context.getClass().name,
  }),
});
// @ts-expect-error: there has to be a module, which the application closes
nest.forRoot({ session: () => null });
// @ts-expect-error: whoever opens sessions says whose they are
nest.forRoot({ module });
// @ts-expect-error: the half of Nest is missing
aegisNest({ ...common });
