using System.Diagnostics;

namespace Workly.Bridge
{
    /// <summary>A monotonic clock in nanoseconds, with the resolution of the system's performance counter.</summary>
    public static class MonotonicClock
    {
        private const long NanosecondsPerSecond = 1000000000;

        public static long NowNs { get { return ToNs(Stopwatch.GetTimestamp(), Stopwatch.Frequency); } }

        /// <summary>Ticks as nanoseconds; whole seconds separately, since ticks times a billion overflow after minutes.</summary>
        public static long ToNs(long ticks, long ticksPerSecond)
        {
            return ticks / ticksPerSecond * NanosecondsPerSecond
                + ticks % ticksPerSecond * NanosecondsPerSecond / ticksPerSecond;
        }
    }
}
